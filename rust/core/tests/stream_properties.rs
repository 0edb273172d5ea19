//! Properties of streams: whatever APDUs are in them, and wherever the octets are cut on their way, the same APDUs come out.

use dlms_fw_core::apdu::Apdu;
use dlms_fw_core::codec::{Emit, Parse};
use dlms_fw_core::hdlc::address::{Address, AddressSize};
use dlms_fw_core::hdlc::control::{Control, FrameKind};
use dlms_fw_core::hdlc::deframer;
use dlms_fw_core::hdlc::frame::Frame;
use dlms_fw_core::wrapper;
use dlms_fw_core::xdlms::general_block::GeneralBlock;
use proptest::collection::vec;
use proptest::prelude::*;

#[path = "properties/apdus.rs"]
mod apdus;
use apdus::{apdu, general_block};

/// What the LLC sublayer puts in front of a client's APDU.
const LLC: [u8; 3] = [0xE6, 0xE6, 0x00];

/// An APDU in one piece, or a general block.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        apdu().prop_map(|apdu| apdu.to_vec()),
        general_block().prop_map(|block| block.to_vec())
    ]
}

fn wrapped(messages: &[Vec<u8>]) -> Vec<u8> {
    let framed = messages.iter().map(|message| {
        let header = wrapper::Header {
            source_wport: 16,
            destination_wport: 1,
            length: u16::try_from(message.len()).expect("a short APDU"),
        };
        [&header.to_vec()[..], message].concat()
    });
    framed.collect::<Vec<_>>().concat()
}

/// Segments of at most `size` octets.
fn framed(messages: &[Vec<u8>], size: usize) -> Vec<u8> {
    let destination = Address::new(1, Some(17), AddressSize::Two).expect("an address");
    let source = Address::client(16).expect("an address");
    let mut stream = Vec::new();
    for message in messages {
        let whole = [&LLC[..], message].concat();
        let segments: Vec<_> = whole.chunks(size).collect();
        for (at, information) in segments.iter().enumerate() {
            let last = at + 1 == segments.len();
            let frame = Frame {
                destination,
                source,
                control: Control {
                    kind: FrameKind::I {
                        send_sequence: u8::try_from(at % 8).expect("below 8"),
                        receive_sequence: 0,
                    },
                    poll_final: last,
                },
                segmentation: !last,
                information,
            };
            stream.extend(frame.to_vec());
        }
    }
    stream
}

/// The stream in pieces of these sizes, again and again.
fn pieces<'a>(mut stream: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut sizes = sizes.iter().cycle();
    core::iter::from_fn(move || {
        let size = *sizes.next()?;
        let (piece, rest) = stream.split_at(stream.len().min(size));
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn readable(message: &[u8]) -> bool {
    Apdu::parse_all(message).is_ok() || GeneralBlock::parse_all(message).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // proves: link-any-pieces
    #[test]
    fn a_wrapper_stream_in_any_pieces(
        messages in vec(message(), 1..6), sizes in vec(1_usize..90, 1..20),
    ) {
        let stream = wrapped(&messages);
        let mut deframer = wrapper::Deframer::new(0xFFFF);
        let mut found = Vec::new();
        for piece in pieces(&stream, &sizes) {
            deframer.push(piece);
            while deframer.poll().expect("a good stream").is_some() {
                found.push(deframer.message().to_vec());
            }
        }
        prop_assert!(found.iter().all(|message| readable(message)));
        prop_assert_eq!(found, messages);
        prop_assert!(!deframer.is_unfinished());
    }

    // proves: link-any-pieces
    #[test]
    fn an_hdlc_stream_in_any_pieces(
        messages in vec(message(), 1..6), segment in 8_usize..300, sizes in vec(1_usize..90, 1..20),
    ) {
        let stream = framed(&messages, segment);
        let mut deframer = deframer::Deframer::new();
        let (mut found, mut whole) = (Vec::new(), Vec::new());
        for piece in pieces(&stream, &sizes) {
            deframer.push(piece);
            while let Some(frame) = deframer.next_frame() {
                whole.extend_from_slice(frame.information);
                if !frame.segmentation {
                    found.push(whole.split_off(LLC.len()));
                    whole.clear();
                }
            }
        }
        prop_assert!(found.iter().all(|message| readable(message)));
        prop_assert_eq!(found, messages);
        prop_assert_eq!(deframer.counters().frames(), 0);
    }
}
