//! Frames against the worked examples, and against damage.

use super::*;
use crate::hdlc::address::AddressSize;
use crate::hdlc::control::FrameKind;
use crate::hdlc::testing::hex;
use proptest::prelude::*;

fn client(sap: u8) -> Address {
    Address::client(sap).expect("fits")
}

fn server(upper: u16, lower: Option<u16>, size: AddressSize) -> Address {
    Address::new(upper, lower, size).expect("fits")
}

fn control(kind: FrameKind) -> Control {
    Control {
        kind,
        poll_final: true,
    }
}

/// Worked frames with P or F: octets, destination, source, kind, information.
fn worked() -> Vec<(&'static str, Address, Address, FrameKind, &'static str)> {
    let (one, public, management) = (server(1, None, AddressSize::One), client(16), client(1));
    let aarq = "E6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0";
    let aare = "E6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007";
    vec![
        ("7EA0070321930F017E", one, public, FrameKind::Snrm, ""),
        (
            "7EA01E210373C37A818012050180060180070400000001080400000001533B7E",
            public,
            one,
            FrameKind::Ua,
            "818012050180060180070400000001080400000001",
        ),
        (
            "7EA020030393FEC9818014050207EE060207EE070400000001080400000001B5D47E",
            one,
            management,
            FrameKind::Snrm,
            "818014050207EE060207EE070400000001080400000001",
        ),
        (
            "7EA008022303933E747E",
            server(1, Some(17), AddressSize::Two),
            management,
            FrameKind::Snrm,
            "",
        ),
        (
            "7EA00A0002002303939B617E",
            server(1, Some(17), AddressSize::Four),
            management,
            FrameKind::Snrm,
            "",
        ),
        (
            "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA7E",
            one,
            public,
            FrameKind::I {
                send_sequence: 0,
                receive_sequence: 0,
            },
            aarq,
        ),
        (
            "7EA0372103306C7CE6E7006129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007190A7E",
            public,
            one,
            FrameKind::I {
                send_sequence: 0,
                receive_sequence: 1,
            },
            aare,
        ),
        (
            "7EA00703213117877E",
            one,
            public,
            FrameKind::Rr {
                receive_sequence: 1,
            },
            "",
        ),
        ("7EA00703215303C77E", one, public, FrameKind::Disc, ""),
        ("7EA00721037301407E", public, one, FrameKind::Ua, ""),
        ("7EA00721031F6BE97E", public, one, FrameKind::Dm, ""),
    ]
}

// proves: hdlc-frames
#[test]
fn worked_frames_octet_for_octet() {
    for (octets, destination, source, kind, information) in worked() {
        let (octets, information) = (hex(octets), hex(information));
        let frame = Frame {
            destination,
            source,
            control: control(kind),
            segmentation: false,
            information: &information,
        };
        assert_eq!(frame.to_vec(), octets);
        assert_eq!(Frame::parse(&octets[1..octets.len() - 1]), Ok(frame));
    }
}

#[test]
fn worked_frame_to_all_stations() {
    let octets = hex("7EA019FFCD03CB91E6E600C001C100080000010000FF0200601A7E");
    let frame = Frame::parse(&octets[1..octets.len() - 1]).expect("valid");
    assert!(frame.destination.is_all_stations());
    assert_eq!(frame.source, client(102));
    assert_eq!(
        frame.control,
        Control {
            kind: FrameKind::Ui,
            poll_final: false
        }
    );
    assert_eq!(frame.to_vec(), octets);
}

#[test]
fn lengths_around_the_octet_border_and_all_others() {
    let octets = [0x7E; MAX_FRAME_LENGTH];
    for information in 0..=2030 {
        let frame = Frame {
            destination: server(1, Some(17), AddressSize::Four),
            source: client(1),
            control: control(FrameKind::I {
                send_sequence: 3,
                receive_sequence: 5,
            }),
            segmentation: information % 2 == 1,
            information: &octets[..information],
        };
        let wire = frame.to_vec();
        assert_eq!(
            usize::from(u16::from_be_bytes([wire[1], wire[2]]) & LENGTH_MASK),
            wire.len() - 2
        );
        assert_eq!(
            Frame::parse(&wire[1..wire.len() - 1]),
            Ok(frame),
            "information of {information} octets"
        );
    }
}

#[test]
fn l_01_either_check_sequence_wrong() {
    let octets = hex(
        "A02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA",
    );
    let damaged = |position: usize| {
        let mut copy = octets.clone();
        copy[position] ^= 0x10;
        Frame::parse(&copy).map(|_| ())
    };
    assert_eq!(damaged(5), Err(FrameDefect::Hcs));
    assert_eq!(damaged(20), Err(FrameDefect::Fcs));
    assert_eq!(damaged(octets.len() - 1), Err(FrameDefect::Fcs));
}

#[test]
fn l_02_no_frame_with_one_bit_flipped_is_accepted() {
    for (octets, ..) in worked() {
        let octets = hex(octets);
        for bit in 0..8 * (octets.len() - 2) {
            let mut copy = octets[1..octets.len() - 1].to_vec();
            copy[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::parse(&copy).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn l_05_wrong_format_type_or_length_field() {
    let octets = hex("A0070321930F01");
    let with = |format: [u8; 2]| {
        let mut copy = octets.clone();
        copy[..2].copy_from_slice(&format);
        Frame::parse(&copy).map(|_| ())
    };
    for format_type in (0..16).filter(|format_type| *format_type != 0xA) {
        assert_eq!(with([format_type << 4, 0x07]), Err(FrameDefect::Format));
    }
    for length in [0_u16, 1, 6, 8, 9, 10, 11, 2047] {
        let [high, low] = (FORMAT_TYPE_3 | length).to_be_bytes();
        assert!(with([high, low]).is_err(), "length {length}");
    }
}

#[test]
fn an_hcs_before_an_empty_information_field_is_refused() {
    let mut octets = hex("A009032110");
    octets.extend(fcs(&octets).octets());
    octets.extend(fcs(&octets).octets());
    assert_eq!(Frame::parse(&octets), Err(FrameDefect::Length));
}

proptest! {
    #[test]
    fn l_02_two_or_three_flipped_bits_are_not_accepted(
        information in prop::collection::vec(any::<u8>(), 0..2030),
        bits in prop::collection::vec(any::<prop::sample::Index>(), 2..4),
    ) {
        let frame = Frame {
            destination: server(1, None, AddressSize::One),
            source: client(1),
            control: control(FrameKind::I { send_sequence: 1, receive_sequence: 2 }),
            segmentation: false,
            information: &information,
        };
        let wire = frame.to_vec();
        let mut damaged = wire[1..wire.len() - 1].to_vec();
        for bit in bits {
            let bit = bit.index(8 * damaged.len());
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        if damaged != wire[1..wire.len() - 1] {
            prop_assert!(Frame::parse(&damaged).is_err());
        }
    }

    #[test]
    fn any_octets_parse_or_are_refused(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(frame) = Frame::parse(&octets) {
            prop_assert_eq!(&frame.to_vec()[1..=octets.len()], &octets[..]);
        }
    }
}
