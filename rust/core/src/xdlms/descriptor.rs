//! What a service addresses: logical name, attribute and method descriptors, selective access (Green Book, COSEM-PDU).

use core::fmt;

use super::parse_flag;
use super::sequence_of::Element;
use crate::axdr::RawData;
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::DecodeError;

/// Cosem-Object-Instance-Id: the six octets that name an object within a logical device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogicalName(pub [u8; 6]);

impl fmt::Display for LogicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        write!(f, "{a}-{b}:{c}.{d}.{e}.{last}")
    }
}

/// The two descriptors are alike but for what their last octet counts.
macro_rules! descriptor {
    ($(#[$meta:meta])* $name:ident { $(#[$doc:meta])* $id:ident }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            /// The interface class.
            pub class_id: u16,
            /// The object.
            pub logical_name: LogicalName,
            $(#[$doc])*
            pub $id: i8,
        }

        impl Element for $name {
            const SHORTEST: usize = 9;
        }

        impl Parse<'_> for $name {
            fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self { class_id: reader.u16()?, logical_name: LogicalName(reader.array()?), $id: reader.i8()? })
            }
        }

        impl Emit for $name {
            fn emitted_len(&self) -> usize {
                Self::SHORTEST
            }

            #[inline]
            fn emit(&self, out: &mut Writer<'_>) {
                let [high, low] = self.class_id.to_be_bytes();
                let [a, b, c, d, e, f] = self.logical_name.0;
                let [id] = self.$id.to_be_bytes();
                out.put(&[high, low, a, b, c, d, e, f, id]);
            }
        }
    };
}

descriptor! {
    /// Cosem-Attribute-Descriptor.
    AttributeDescriptor {
        /// The attribute; 1 is the logical name, 0 all of them, negative ones belong to the manufacturer.
        attribute_id
    }
}

descriptor! {
    /// Cosem-Method-Descriptor.
    MethodDescriptor {
        /// The method, from 1; negative ones belong to the manufacturer.
        method_id
    }
}

/// Selective-Access-Descriptor: only a part of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectiveAccess<'a> {
    /// Which way of selecting, as the interface class numbers them.
    pub access_selector: u8,
    /// The parameters of that way.
    pub access_parameters: RawData<'a>,
}

impl<'a> Parse<'a> for SelectiveAccess<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            access_selector: reader.u8()?,
            access_parameters: RawData::parse(reader)?,
        })
    }
}

impl Emit for SelectiveAccess<'_> {
    fn emitted_len(&self) -> usize {
        1 + self.access_parameters.emitted_len()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.access_selector);
        self.access_parameters.emit(out);
    }
}

/// Cosem-Attribute-Descriptor-With-Selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeSelection<'a> {
    /// The attribute.
    pub attribute: AttributeDescriptor,
    /// The part of it that is meant; `None` means all.
    pub access_selection: Option<SelectiveAccess<'a>>,
}

impl Element for AttributeSelection<'_> {
    const SHORTEST: usize = AttributeDescriptor::SHORTEST + 1;
}

impl<'a> Parse<'a> for AttributeSelection<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let attribute = AttributeDescriptor::parse(reader)?;
        let access_selection = if parse_flag(reader)? {
            Some(SelectiveAccess::parse(reader)?)
        } else {
            None
        };
        Ok(Self {
            attribute,
            access_selection,
        })
    }
}

impl Emit for AttributeSelection<'_> {
    fn emitted_len(&self) -> usize {
        let selection = self.access_selection.as_ref().map_or(0, Emit::emitted_len);
        Self::SHORTEST + selection
    }

    fn emit(&self, out: &mut Writer<'_>) {
        self.attribute.emit(out);
        match &self.access_selection {
            None => out.u8(0),
            Some(access) => {
                out.u8(1);
                access.emit(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logical_name_is_shown_as_an_obis_code() {
        assert_eq!(
            LogicalName([0, 0, 44, 0, 0, 255]).to_string(),
            "0-0:44.0.0.255"
        );
    }

    #[test]
    fn a_selection_follows_its_attribute() {
        let data = [0, 7, 1, 0, 99, 1, 0, 255, 2, 1, 2, 0x02, 0x00];
        let selection = AttributeSelection::parse_all(&data).expect("a complete value");
        assert_eq!(
            selection
                .access_selection
                .map(|access| access.access_selector),
            Some(2)
        );
        assert_eq!(selection.to_vec(), data);
    }
}
