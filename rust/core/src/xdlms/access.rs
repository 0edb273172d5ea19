//! ACCESS.request and ACCESS.response (Green Book, ACCESS service): reads, writes and method calls in one request, each with a result.
//!
//! What is asked and the data that go with it stand in two lists of the same length; so do the data that come back and the results.

use super::descriptor::{AttributeDescriptor, MethodDescriptor, SelectiveAccess};
use super::invoke::LongInvokeIdAndPriority;
use super::notification::OptionalDateTime;
use super::parse_flag;
use super::result::{ActionResult, DataAccessResult};
use super::sequence_of::{self, Element, SequenceOf};
use crate::axdr::RawData;
use crate::axdr::length::{length_len, write_length};
use crate::codec::{Emit, Parse, Reader, Writer};
use crate::error::{DecodeError, DecodeErrorKind};

/// Access-Request-Specification: one thing that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessSpecification<'a> {
    /// Access-Request-Get.
    Get(AttributeDescriptor),
    /// Access-Request-Set.
    Set(AttributeDescriptor),
    /// Access-Request-Action.
    Action(MethodDescriptor),
    /// Access-Request-Get-With-Selection.
    GetWithSelection(AttributeDescriptor, SelectiveAccess<'a>),
    /// Access-Request-Set-With-Selection.
    SetWithSelection(AttributeDescriptor, SelectiveAccess<'a>),
}

/// The service that one item belongs to, by the number of its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessService {
    /// Reading, result 1.
    Get,
    /// Writing, result 2.
    Set,
    /// A method, result 3.
    Action,
}

impl AccessSpecification<'_> {
    /// The service that answers it.
    #[must_use]
    pub const fn service(&self) -> AccessService {
        match self {
            Self::Get(_) | Self::GetWithSelection(..) => AccessService::Get,
            Self::Set(_) | Self::SetWithSelection(..) => AccessService::Set,
            Self::Action(_) => AccessService::Action,
        }
    }

    const fn choice(&self) -> u8 {
        match self {
            Self::Get(_) => 1,
            Self::Set(_) => 2,
            Self::Action(_) => 3,
            Self::GetWithSelection(..) => 4,
            Self::SetWithSelection(..) => 5,
        }
    }
}

impl Element for AccessSpecification<'_> {
    const SHORTEST: usize = 1 + AttributeDescriptor::SHORTEST;
}

impl<'a> Parse<'a> for AccessSpecification<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        Ok(match reader.u8()? {
            1 => Self::Get(AttributeDescriptor::parse(reader)?),
            2 => Self::Set(AttributeDescriptor::parse(reader)?),
            3 => Self::Action(MethodDescriptor::parse(reader)?),
            4 => Self::GetWithSelection(
                AttributeDescriptor::parse(reader)?,
                SelectiveAccess::parse(reader)?,
            ),
            5 => Self::SetWithSelection(
                AttributeDescriptor::parse(reader)?,
                SelectiveAccess::parse(reader)?,
            ),
            _ => return Err(unknown),
        })
    }
}

impl Emit for AccessSpecification<'_> {
    fn emitted_len(&self) -> usize {
        let selection = match self {
            Self::GetWithSelection(_, selection) | Self::SetWithSelection(_, selection) => {
                selection.emitted_len()
            }
            _ => 0,
        };
        Self::SHORTEST + selection
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(self.choice());
        match self {
            Self::Get(attribute) | Self::Set(attribute) => attribute.emit(out),
            Self::Action(method) => method.emit(out),
            Self::GetWithSelection(attribute, selection)
            | Self::SetWithSelection(attribute, selection) => {
                attribute.emit(out);
                selection.emit(out);
            }
        }
    }
}

/// What is asked for, with its data: the value to set, the parameter of a method, or null-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessItem<'a, P = RawData<'a>> {
    /// What is asked for.
    pub specification: AccessSpecification<'a>,
    /// The data that go with it.
    pub data: P,
}

/// ACCESS.request whose data are `P`: borrowed octets when parsed, any [`Emit`] to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest<'a, P = RawData<'a>> {
    /// The invoke id, the options and the priority, long form.
    pub long_invoke_id_and_priority: LongInvokeIdAndPriority,
    /// When the request was made.
    pub date_time: OptionalDateTime,
    /// What is asked for, in order.
    pub items: Vec<AccessItem<'a, P>>,
}

impl<P> AccessRequest<'_, P> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xD9;
}

impl<'a> Parse<'a> for AccessRequest<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let long_invoke_id_and_priority = LongInvokeIdAndPriority(reader.u32()?);
        let date_time = OptionalDateTime::parse(reader)?;
        let specifications = SequenceOf::parse(reader)?;
        let start = reader.offset();
        let data = SequenceOf::parse(reader)?;
        let pair = |specification, data| AccessItem {
            specification,
            data,
        };
        Ok(Self {
            long_invoke_id_and_priority,
            date_time,
            items: sequence_of::zip(specifications, data, start, pair)?,
        })
    }
}

impl<P: Emit> Emit for AccessRequest<'_, P> {
    fn emitted_len(&self) -> usize {
        let each = self
            .items
            .iter()
            .map(|item| item.specification.emitted_len() + item.data.emitted_len());
        1 + 4
            + self.date_time.emitted_len()
            + 2 * length_len(self.items.len())
            + each.sum::<usize>()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        out.u32(self.long_invoke_id_and_priority.0);
        self.date_time.emit(out);
        write_length(out, self.items.len());
        self.items
            .iter()
            .for_each(|item| item.specification.emit(out));
        write_length(out, self.items.len());
        self.items.iter().for_each(|item| item.data.emit(out));
    }
}

/// Access-Response-Specification: how one item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessResult {
    /// Access-Response-Get.
    Get(DataAccessResult),
    /// Access-Response-Set.
    Set(DataAccessResult),
    /// Access-Response-Action.
    Action(ActionResult),
}

impl AccessResult {
    /// The service that it answers.
    #[must_use]
    pub const fn service(&self) -> AccessService {
        match self {
            Self::Get(_) => AccessService::Get,
            Self::Set(_) => AccessService::Set,
            Self::Action(_) => AccessService::Action,
        }
    }
}

impl Element for AccessResult {
    const SHORTEST: usize = 2;
}

impl Parse<'_> for AccessResult {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let unknown = reader.error(DecodeErrorKind::UnknownTag);
        let [choice, result] = reader.array()?;
        match choice {
            1 => Ok(Self::Get(result.into())),
            2 => Ok(Self::Set(result.into())),
            3 => Ok(Self::Action(result.into())),
            _ => Err(unknown),
        }
    }
}

impl Emit for AccessResult {
    fn emitted_len(&self) -> usize {
        2
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.put(&match self {
            Self::Get(result) => [1, (*result).into()],
            Self::Set(result) => [2, (*result).into()],
            Self::Action(result) => [3, (*result).into()],
        });
    }
}

/// How one item ended, with what it brought: the value read, the return parameters, or null-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessOutcome<'a> {
    /// How it ended.
    pub result: AccessResult,
    /// What it brought.
    pub data: RawData<'a>,
}

/// ACCESS.response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessResponse<'a> {
    /// That of the request.
    pub long_invoke_id_and_priority: LongInvokeIdAndPriority,
    /// When the response was made.
    pub date_time: OptionalDateTime,
    /// What had been asked for, where the request wanted it repeated.
    pub specifications: Option<SequenceOf<AccessSpecification<'a>>>,
    /// As many as there were items, in their order.
    pub outcomes: Vec<AccessOutcome<'a>>,
}

impl AccessResponse<'_> {
    /// The tag of the APDU.
    pub const TAG: u8 = 0xDA;
}

impl<'a> Parse<'a> for AccessResponse<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.expect(Self::TAG)?;
        let long_invoke_id_and_priority = LongInvokeIdAndPriority(reader.u32()?);
        let date_time = OptionalDateTime::parse(reader)?;
        let specifications = if parse_flag(reader)? {
            Some(SequenceOf::parse(reader)?)
        } else {
            None
        };
        let data = SequenceOf::parse(reader)?;
        let start = reader.offset();
        let results = SequenceOf::parse(reader)?;
        let pair = |data, result| AccessOutcome { result, data };
        Ok(Self {
            long_invoke_id_and_priority,
            date_time,
            specifications,
            outcomes: sequence_of::zip(data, results, start, pair)?,
        })
    }
}

impl Emit for AccessResponse<'_> {
    fn emitted_len(&self) -> usize {
        let each = self
            .outcomes
            .iter()
            .map(|outcome| outcome.result.emitted_len() + outcome.data.emitted_len());
        1 + 4
            + self.date_time.emitted_len()
            + 1
            + self.specifications.as_ref().map_or(0, Emit::emitted_len)
            + 2 * length_len(self.outcomes.len())
            + each.sum::<usize>()
    }

    fn emit(&self, out: &mut Writer<'_>) {
        out.u8(Self::TAG);
        out.u32(self.long_invoke_id_and_priority.0);
        self.date_time.emit(out);
        out.u8(self.specifications.is_some().into());
        if let Some(specifications) = &self.specifications {
            specifications.emit(out);
        }
        write_length(out, self.outcomes.len());
        self.outcomes
            .iter()
            .for_each(|outcome| outcome.data.emit(out));
        write_length(out, self.outcomes.len());
        self.outcomes
            .iter()
            .for_each(|outcome| outcome.result.emit(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdlms::samples::{self, check_samples, hex};

    #[test]
    fn samples_survive() {
        check_samples::<AccessRequest<'_>>(samples::ACCESS_REQUESTS);
        check_samples::<AccessResponse<'_>>(samples::ACCESS_RESPONSES);
    }

    #[test]
    fn c_22_lists_of_another_length_are_refused() {
        let request = hex("D9 40000001 00 01 01 0008 0000010000FF 02 02 00 00");
        assert_eq!(
            AccessRequest::parse_all(&request),
            Err(DecodeError::new(DecodeErrorKind::WrongLength, 17))
        );
        let response = hex("DA 40000001 00 00 01 1101 02 0100 0100");
        assert_eq!(
            AccessResponse::parse_all(&response),
            Err(DecodeError::new(DecodeErrorKind::WrongLength, 10))
        );
    }

    #[test]
    fn a_sixth_kind_of_request_is_unknown() {
        let request = hex("D9 40000001 00 01 06 0008 0000010000FF 02 01 00");
        assert_eq!(
            AccessRequest::parse_all(&request),
            Err(DecodeError::new(DecodeErrorKind::UnknownTag, 7))
        );
    }
}
