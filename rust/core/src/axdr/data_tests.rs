//! Tests of `data.rs`, in a file of their own for its length.

use super::*;
use DecodeErrorKind::{
    CountTooLarge, LengthForm, LengthTooLarge, Padding, TooDeep, TrailingData, Truncated,
    UnknownTag, ValueOutOfRange,
};
use proptest::prelude::*;

fn read_all(octets: &[u8], options: Options) -> Result<(), DecodeError> {
    let mut reader = Reader::new(octets);
    RawData::read(&mut reader, options)?;
    reader.finish()
}

fn fault(octets: &[u8]) -> Option<DecodeErrorKind> {
    read_all(octets, Options::STRICT)
        .err()
        .map(|error| error.kind)
}

/// One value of every type, and each kind of nesting.
const SAMPLES: &[&[u8]] = &[
    &[0x00],
    &[0x01, 0x02, 0x11, 0x01, 0x11, 0x02],
    &[
        0x02, 0x03, 0x06, 0, 0, 0, 1, 0x09, 0x02, 0xAA, 0xBB, 0x01, 0x00,
    ],
    &[0x03, 0x01],
    &[0x04, 0x0A, 0xFE, 0x00],
    &[0x05, 0x80, 0, 0, 0],
    &[0x06, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x07, 1, 2, 3, 4],
    &[0x09, 0x03, 1, 2, 3],
    &[0x0A, 0x02, 0x41, 0xFF],
    &[0x0B, 0x03, 0x32, 0x30, 0x5A],
    &[0x0C, 0x02, 0xC3, 0xA4],
    &[0x0D, 0x42],
    &[0x0F, 0x80],
    &[0x10, 0x80, 0x00],
    &[0x11, 0xFF],
    &[0x12, 0xFF, 0xFF],
    &[
        0x13, 0x12, 0x0C, 0, 1, 0, 2, 0, 3, 0, 4, 0xFF, 0xFF, 0x12, 0x34,
    ],
    &[
        0x13, 0x02, 0x02, 0x12, 0x11, 0x09, 0, 1, 5, 0, 2, 6, 0, 3, 7,
    ],
    &[
        0x13, 0x02, 0x02, 0x09, 0x01, 0x00, 0x02, 0x04, 0x06, 0x01, 0xAA, 0x01, 0x80, 0x02, 0x40,
    ],
    &[0x14, 0x80, 0, 0, 0, 0, 0, 0, 0],
    &[0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x16, 0x06],
    &[0x17, 0x7F, 0xA0, 0x00, 0x01],
    &[0x18, 0x80, 0, 0, 0, 0, 0, 0, 0],
    &[0x19, 0xFF, 0xFF, 0x0A, 0xFE, 7, 3, 0, 0, 0, 0x80, 0, 0],
    &[0x1A, 0x07, 0xE9, 0x0C, 0x18, 0xFF],
    &[0x1B, 0x02, 0x1E, 0x00, 0x00],
    &[0x1C, 0xFF],
    &[0x1D, 0xFF, 0xFE],
    &[0x1E, 0xFF, 0xFF, 0xFF, 0xFD],
    &[0x1F, 0x01],
    &[0x20, 0x01, 0x02],
    &[0x21, 0x01, 0x02, 0x03, 0x04],
    &[0xFF],
];

#[test]
fn every_sample_is_one_value_and_every_node_is_emitted_as_read() {
    for sample in SAMPLES {
        assert_eq!(read_all(sample, Options::STRICT), Ok(()), "{sample:02X?}");
        assert_eq!(RawData::trusted(sample).to_vec(), *sample);
        let mut reader = Reader::new(sample);
        let node = DataRef::read(&mut reader, &Options::STRICT).expect("a node");
        assert_eq!(node.to_vec(), reader.since(0), "{node:?}");
    }
}

#[test]
fn the_samples_have_every_tag() {
    for tag in Tag::ALL {
        assert!(
            SAMPLES.iter().any(|sample| sample[0] == tag.code()),
            "{tag:?}"
        );
    }
}

#[test]
fn a_sample_cut_anywhere_is_truncated_at_its_end() {
    for sample in SAMPLES {
        for cut in 0..sample.len() {
            let truncated = Err(DecodeError::new(Truncated, cut));
            assert_eq!(
                read_all(&sample[..cut], Options::STRICT),
                truncated,
                "{sample:02X?}"
            );
        }
        let longer = [sample, &[0x00][..]].concat();
        assert_eq!(
            read_all(&longer, Options::STRICT),
            Err(DecodeError::new(TrailingData, sample.len()))
        );
    }
}

#[test]
fn lengths_and_counts_that_lie_are_refused() {
    assert_eq!(
        fault(&[0x09, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
        Some(LengthTooLarge)
    );
    assert_eq!(
        fault(&[0x01, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
        Some(CountTooLarge)
    );
    assert_eq!(
        fault(&[0x01, 0x84, 0x0F, 0xFF, 0xFF, 0xFF, 0x00]),
        Some(Truncated)
    );
    assert_eq!(fault(&[0x02, 0x03, 0x00, 0x00]), Some(Truncated));
    assert_eq!(fault(&[0x09, 0x80, 0x00]), Some(LengthForm));
    assert_eq!(fault(&[0x09, 0x81, 0x01, 0x00]), Some(LengthForm));
    assert_eq!(
        read_all(&[0x09, 0x81, 0x01, 0x00], Options::TOLERANT),
        Ok(())
    );
}

#[test]
fn a_boolean_is_zero_or_one_where_strict() {
    assert_eq!(fault(&[0x03, 0x02]), Some(ValueOutOfRange));
    let node = DataRef::read(&mut Reader::new(&[0x03, 0xFF]), &Options::TOLERANT);
    assert_eq!(node, Ok(DataRef::Boolean(true)));
}

#[test]
fn nesting_ends_at_the_limit() {
    fn nested(depth: usize) -> Vec<u8> {
        [[0x02, 0x01].repeat(depth), vec![0x00]].concat()
    }
    assert_eq!(fault(&nested(16)), None);
    assert_eq!(
        read_all(&nested(17), Options::STRICT),
        Err(DecodeError::new(TooDeep, 32))
    );
    assert_eq!(fault(&nested(100_000)), Some(TooDeep));
    let deeper = Options {
        strict: true,
        limits: Limits {
            max_depth: 1000,
            ..Limits::DEFAULT
        },
    };
    assert_eq!(read_all(&nested(64), deeper), Ok(()));
    assert_eq!(
        read_all(&nested(65), deeper),
        Err(DecodeError::new(TooDeep, 128))
    );
    // Many neighbours are not depth.
    let wide = [vec![0x01, 0x64], [0x01, 0x00].repeat(100)].concat();
    assert_eq!(fault(&wide), None);
}

#[test]
fn raw_data_ends_where_the_value_ends() {
    let octets = [0x02, 0x02, 0x01, 0x00, 0x11, 0x05, 0xAA];
    let mut reader = Reader::new(&octets);
    let data = RawData::parse(&mut reader).expect("a structure");
    assert_eq!(data.as_bytes(), &octets[..6]);
    assert_eq!(reader.offset(), 6);
}

#[test]
fn every_three_octets_are_a_value_or_an_error_inside_them() {
    let mut octets = [0; 3];
    for (length, end) in [(0_usize, 1_u32), (1, 1 << 8), (2, 1 << 16), (3, 1 << 24)] {
        for number in 0..end {
            octets.copy_from_slice(&number.to_be_bytes()[1..]);
            let octets = &octets[3 - length..];
            match read_all(octets, Options::STRICT) {
                Ok(()) => assert!(length > 0),
                Err(error) => assert!(error.offset <= length),
            }
        }
    }
    assert_eq!(fault(&[0x08]), Some(UnknownTag));
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let simple = prop::sample::select(SAMPLES.to_vec()).prop_map(<[u8]>::to_vec);
    simple.prop_recursive(4, 64, 6, |inner| {
        (1_u8..=2, prop::collection::vec(inner, 0..6)).prop_map(|(tag, elements)| {
            let mut octets = vec![tag, u8::try_from(elements.len()).expect("few")];
            octets.extend(elements.concat());
            octets
        })
    })
}

/// Reads a value node by node and writes it again from the nodes.
fn rewritten(octets: &[u8], options: Options) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(octets);
    let mut guard = Guard::new(options);
    let mut out = Vec::new();
    let mut due = 1_usize;
    while due > 0 {
        due -= 1;
        let node = DataRef::read(&mut reader, &options)?;
        out.extend(node.to_vec());
        match node {
            DataRef::Array(count) | DataRef::Structure(count) => due += count,
            DataRef::CompactArray => {
                let mut array = CompactArray::read(&mut reader, &mut guard)?;
                out.extend(array.description.to_vec());
                let mut contents = vec![0; array.contents.remaining()];
                let mut writer = Writer::new(&mut contents);
                while !array.contents.is_empty() {
                    rewrite_element(&array.description, &mut array.contents, &mut writer)?;
                }
                writer.finish();
                let mut length = vec![0; length_len(contents.len())];
                write_length(&mut Writer::new(&mut length), contents.len());
                out.extend([length, contents].concat());
            }
            _ => {}
        }
    }
    Ok(out)
}

fn rewrite_element(
    description: &Description,
    contents: &mut Reader<'_>,
    out: &mut Writer<'_>,
) -> Result<(), DecodeError> {
    let node = DataRef::read_described(description, contents, &Options::STRICT)?;
    match description.shape() {
        Shape::Simple(_) => node.emit_body(out),
        Shape::Array(count, element) => {
            assert_eq!(node, DataRef::Array(usize::from(*count)));
            for _ in 0..*count {
                rewrite_element(element, contents, out)?;
            }
        }
        Shape::Structure(members) => {
            assert_eq!(node, DataRef::Structure(members.len()));
            for member in members {
                rewrite_element(member, contents, out)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_read_node_by_node_is_written_again(octets in value()) {
        prop_assert_eq!(rewritten(&octets, Options::STRICT), Ok(octets));
    }

    #[test]
    fn a_tolerant_reading_is_written_as_the_standard_wants_it(octets in prop::collection::vec(any::<u8>(), 1..120)) {
        if let Ok(standard) = rewritten(&octets, Options::TOLERANT) {
            prop_assert_eq!(rewritten(&standard, Options::STRICT), Ok(standard));
        }
    }

    #[test]
    fn whatever_comes_is_a_value_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        for options in [Options::STRICT, Options::TOLERANT] {
            if let Err(error) = read_all(&octets, options) {
                prop_assert!(error.offset <= octets.len());
            }
        }
    }

    #[test]
    fn nested_values_are_walked_to_their_end(octets in value()) {
        prop_assert_eq!(read_all(&octets, Options::STRICT), Ok(()));
        for cut in 0..octets.len() {
            let truncated = Err(DecodeError::new(Truncated, cut));
            prop_assert_eq!(read_all(&octets[..cut], Options::STRICT), truncated);
        }
    }

    #[test]
    fn a_flipped_octet_never_panics(octets in value(), place: prop::sample::Index, octet: u8) {
        let mut octets = octets;
        *place.get_mut(&mut octets) = octet;
        if let Err(error) = read_all(&octets, Options::TOLERANT) {
            prop_assert!(error.offset <= octets.len());
        }
    }
}

fn limited(octets: &[u8], limits: Limits) -> Option<DecodeErrorKind> {
    let options = Options {
        strict: true,
        limits,
    };
    read_all(octets, options).err().map(|error| error.kind)
}

#[test]
fn each_limit_holds_at_its_value_and_not_before() {
    use DecodeErrorKind::ElementLimit;
    let elements = |max_elements| Limits {
        max_elements,
        ..Limits::DEFAULT
    };
    let nested = [2, 2, 1, 2, 0x11, 1, 0x11, 2, 0x00];
    assert_eq!(limited(&nested, elements(4)), None);
    assert_eq!(limited(&nested, elements(3)), Some(ElementLimit));
    let compact = [0x13, 0x12, 0x06, 0, 1, 0, 2, 0, 3];
    assert_eq!(limited(&compact, elements(3)), None);
    assert_eq!(limited(&compact, elements(2)), Some(ElementLimit));
    let length = |max_length| Limits {
        max_length,
        ..Limits::DEFAULT
    };
    for octets in [
        &[0x09, 0x03, 1, 2, 3][..],
        &[0x0A, 0x03, 1, 2, 3],
        &[0x0B, 0x03, 1, 2, 3],
        &[0x0C, 0x03, 1, 2, 3],
        &[0x04, 0x18, 1, 2, 3],
        &[0x13, 0x11, 0x03, 1, 2, 3],
        &[0x13, 0x09, 0x04, 3, 1, 2, 3],
    ] {
        assert_eq!(limited(octets, length(4)), None, "{octets:02X?}");
        let refused = Some(LengthTooLarge);
        assert_eq!(limited(octets, length(2)), refused, "{octets:02X?}");
    }
}

#[test]
fn what_a_strict_reading_refuses_it_refuses_inside_a_compact_array_too() {
    for octets in [
        &[0x13, 0x03, 0x02, 0x01, 0x02][..],
        &[0x13, 0x02, 0x02, 0x11, 0x03, 0x02, 0x05, 0x07],
        &[0x13, 0x01, 0x00, 0x02, 0x03, 0x02, 0x01, 0x07],
    ] {
        assert_eq!(fault(octets), Some(ValueOutOfRange), "{octets:02X?}");
        assert_eq!(read_all(octets, Options::TOLERANT), Ok(()), "{octets:02X?}");
    }
    assert_eq!(fault(&[0x13, 0x04, 0x02, 0x01, 0xC0]), Some(Padding));
}
