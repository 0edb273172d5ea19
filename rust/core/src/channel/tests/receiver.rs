//! Whole APDUs from many stations: wrapper and UI frames, prefixes of gateways, blocks, damage.

use super::*;
use crate::channel::receiver::{Medium, Receiver, Station};
use crate::error::LinkError;
use crate::hdlc::control::{Control, FrameKind};
use crate::hdlc::frame::Frame;
use crate::xdlms::general_block::GeneralBlock;

const NOTIFICATION: &str = "0F 00000001 00 1105";

/// What was heard: client SAP, server SAP, address behind a gateway, title, APDU.
type Heard = (u16, u16, Option<Vec<u8>>, Option<[u8; 8]>, Vec<u8>);

fn heard(receiver: &mut Receiver, octets: &[u8]) -> Result<Vec<Heard>, LinkError> {
    let mut all = Vec::new();
    receiver.receive::<LinkError>(octets, &mut |received| {
        all.push((
            received.station.client_sap(),
            received.station.server_sap(),
            received
                .gateway
                .map(|prefix| prefix.physical_device_address.to_vec()),
            received.system_title,
            received.apdu.to_vec(),
        ));
        Ok(())
    })?;
    Ok(all)
}

fn wrapped(source: u16, destination: u16, message: &[u8]) -> Vec<u8> {
    let mut octets = crate::wrapper::Header {
        source_wport: source,
        destination_wport: destination,
        length: u16::try_from(message.len()).expect("short"),
    }
    .to_vec();
    octets.extend_from_slice(message);
    octets
}

fn in_ui(information: &[u8], kind: FrameKind) -> Vec<u8> {
    Frame {
        destination: Address::client(1).expect("an address"),
        source: Address::new(1, Some(17), AddressSize::Two).expect("an address"),
        control: Control {
            kind,
            poll_final: false,
        },
        segmentation: false,
        information,
    }
    .to_vec()
}

// proves: push-listener
#[test]
fn messages_of_many_meters_come_with_their_addresses() {
    let apdu = hex(NOTIFICATION);
    let mut receiver = Receiver::new(Medium::Wrapper, Role::Server, 100);
    let behind = [&hex("E7 07 01 09")[..], &apdu].concat();
    let stream = [wrapped(1, 102, &apdu), wrapped(3, 102, &behind)].concat();
    let (first, rest) = stream.split_at(11);
    assert_eq!(heard(&mut receiver, first), Ok(vec![]));
    assert!(receiver.is_unfinished());
    assert_eq!(
        heard(&mut receiver, rest),
        Ok(vec![
            (102, 1, None, None, apdu.clone()),
            (102, 3, Some(vec![9]), None, apdu)
        ])
    );
    assert!(!receiver.is_unfinished());
}

// proves: push-listener
#[test]
fn a_ui_frame_is_heard_and_other_frames_are_counted() {
    let message = [&hex("E6E700")[..], &hex(NOTIFICATION)].concat();
    let mut receiver = Receiver::new(Medium::Hdlc, Role::Server, 100);
    let mut damaged = in_ui(&message, FrameKind::Ui);
    let last = damaged.len() - 3;
    damaged[last] ^= 1;
    let stream = [
        in_ui(&message, FrameKind::Snrm),
        damaged,
        in_ui(&hex(NOTIFICATION), FrameKind::Ui),
        in_ui(&message, FrameKind::Ui),
    ]
    .concat();
    let all = heard(&mut receiver, &stream).expect("a stream of frames never breaks");
    assert_eq!(all, vec![(1, 1, None, None, hex(NOTIFICATION))]);
    assert_eq!(receiver.dropped(), 3);
}

// proves: push-listener
#[test]
fn who_sent_a_ciphered_apdu_is_told_by_its_header() {
    let title = *b"MMM\x00\x00\xBC\x61\x4E";
    let mut receiver = Receiver::new(Medium::Wrapper, Role::Server, 200);
    let general_glo = hex("DB 08 4D4D4D0000BC614E 0A 20 00000001 0102030405");
    let general = hex("DD 00 08 4D4D4D0000BC614E 00 00 00 00 0A 20 00000001 0102030405");
    for apdu in [general_glo, general] {
        let all = heard(&mut receiver, &wrapped(1, 1, &apdu)).expect("a message");
        assert_eq!(all[0].3, Some(title));
    }
}

// proves: push-listener
#[test]
fn blocks_are_put_together_for_each_station() {
    let apdu = hex(NOTIFICATION);
    let block = |number, last_block, data| {
        GeneralBlock {
            last_block,
            streaming: !last_block,
            window: 0,
            block_number: number,
            block_number_ack: 0,
            block_data: data,
        }
        .to_vec()
    };
    let mut receiver = Receiver::new(Medium::Wrapper, Role::Server, 100);
    let (head, tail) = apdu.split_at(4);
    let stream = [
        wrapped(1, 1, &block(1, false, head)),
        wrapped(2, 1, &block(1, false, head)),
        wrapped(2, 1, &block(2, true, tail)),
        wrapped(1, 1, &block(2, true, tail)),
    ]
    .concat();
    let all = heard(&mut receiver, &stream).expect("a stream");
    let servers: Vec<_> = all.iter().map(|heard| (heard.1, heard.4.clone())).collect();
    assert_eq!(servers, vec![(2, apdu.clone()), (1, apdu)]);
}

// proves: push-listener
#[test]
fn assemblies_have_a_cap_and_the_silent_give_way() {
    let mut receiver = Receiver::new(Medium::Wrapper, Role::Server, 100);
    let begun = GeneralBlock {
        last_block: false,
        streaming: true,
        window: 0,
        block_number: 1,
        block_number_ack: 0,
        block_data: &[0x0F],
    }
    .to_vec();
    for station in 0..40 {
        heard(&mut receiver, &wrapped(station, 1, &begun)).expect("a message");
    }
    let ended = GeneralBlock {
        last_block: true,
        streaming: false,
        window: 0,
        block_number: 2,
        block_number_ack: 0,
        block_data: &[1],
    }
    .to_vec();
    assert_eq!(heard(&mut receiver, &wrapped(0, 1, &ended)), Ok(vec![]));
    let all = heard(&mut receiver, &wrapped(39, 1, &ended)).expect("a message");
    assert_eq!(all[0].4, vec![0x0F, 1]);
}

// proves: push-listener
#[test]
fn only_a_broken_wrapper_stream_ends() {
    let mut receiver = Receiver::new(Medium::Wrapper, Role::Server, 100);
    assert_eq!(
        heard(&mut receiver, &wrapped(1, 1, &hex("E7 07 09 01"))),
        Ok(vec![]),
        "a prefix that is cut short"
    );
    assert_eq!(receiver.dropped(), 1);
    let error = heard(&mut receiver, b"GET / HTTP/1.1\r\n").expect_err("foreign");
    assert_eq!(error.kind, LinkErrorKind::WrapperVersion);
}

// proves: push-listener
#[test]
fn answers_go_back_the_way_notifications_came() {
    let confirm = hex("10 00000001 00");
    let receiver = Receiver::new(Medium::Wrapper, Role::Server, 100);
    let station = Station::Wrapper {
        client_sap: 1,
        server_sap: 3,
    };
    assert_eq!(
        receiver.frame(&station, None, &confirm),
        Ok(wrapped(1, 3, &confirm))
    );
    let receiver = Receiver::new(Medium::Hdlc, Role::Server, 100);
    let station = Station::Hdlc {
        client: Address::client(1).expect("an address"),
        server: Address::new(1, Some(17), AddressSize::Two).expect("an address"),
    };
    let octets = receiver.frame(&station, None, &confirm).expect("framed");
    let mut meter = Receiver::new(Medium::Hdlc, Role::Client, 100);
    assert_eq!(
        heard(&mut meter, &octets),
        Ok(vec![(1, 1, None, None, confirm)])
    );
    let error = receiver
        .frame(&station, None, &[0; 2040])
        .expect_err("long");
    assert_eq!(error.kind, LinkErrorKind::ApduTooLong);
}
