//! Trees of octets whose meaning is known, of damaged ones, and of all that the parsers take.

use super::*;
use crate::apdu::Apdu;
use crate::codec::Parse;
use crate::error::DecodeErrorKind;
use crate::xdlms::samples::{self, hex};

/// Children lie in order within their parents; every node ends where its octets do.
fn check_spans(node: &Node) {
    let mut at = node.start;
    for child in &node.children {
        assert!(at <= child.start && child.start <= child.end, "{child:?}");
        at = child.end;
        check_spans(child);
    }
    assert!(at <= node.end, "{node:?}");
}

fn samples() -> Vec<Vec<u8>> {
    [
        samples::GET_REQUESTS,
        samples::GET_RESPONSES,
        samples::SET_REQUESTS,
        samples::SET_RESPONSES,
        samples::ACTION_REQUESTS,
        samples::ACTION_RESPONSES,
        samples::EXCEPTION_RESPONSES,
        samples::CONFIRMED_SERVICE_ERRORS,
        samples::EVENT_NOTIFICATIONS,
        samples::DATA_NOTIFICATIONS,
        samples::DATA_NOTIFICATION_CONFIRMS,
        samples::ACCESS_REQUESTS,
        samples::ACCESS_RESPONSES,
        samples::INITIATE_REQUESTS,
        samples::INITIATE_RESPONSES,
        samples::READ_REQUESTS,
        samples::READ_RESPONSES,
        samples::WRITE_REQUESTS,
        samples::WRITE_RESPONSES,
        samples::UNCONFIRMED_WRITE_REQUESTS,
        samples::INFORMATION_REPORTS,
    ]
    .concat()
    .into_iter()
    .map(hex)
    .collect()
}

// proves: decode-agrees
#[test]
fn every_sample_is_understood_and_its_layout_agrees_with_its_parser() {
    for octets in samples() {
        let tree = annotate(&octets, Subject::Apdu);
        assert!(tree.is_understood(), "{octets:02X?}: {tree:?}");
        check_spans(&tree);
        for bit in 0..octets.len() * 8 {
            let mut flipped = octets.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let tree = annotate(&flipped, Subject::Apdu);
            check_spans(&tree);
            assert_eq!((tree.start, tree.end), (0, flipped.len()));
            if Apdu::sender(flipped[0]).is_some() {
                let valid = Apdu::parse_all(&flipped).is_ok();
                assert_eq!(tree.is_understood(), valid, "{flipped:02X?}: {tree:?}");
            }
        }
    }
}

// proves: decode-damaged
#[test]
fn what_is_cut_shows_what_was_understood() {
    for octets in samples() {
        for cut in 0..octets.len() {
            for subject in [
                Subject::Apdu,
                Subject::Any,
                Subject::Data,
                Subject::Hdlc,
                Subject::Wrapper,
            ] {
                let tree = annotate(&octets[..cut], subject);
                check_spans(&tree);
                assert_eq!((tree.start, tree.end), (0, cut));
            }
        }
    }
    let tree = annotate(&hex("C0 01 C1 0012 0000"), Subject::Apdu);
    let apdu = &tree.children[0];
    let names: Vec<_> = apdu.children.iter().map(|child| child.name).collect();
    assert_eq!(
        names,
        [
            "form",
            "invoke-id-and-priority",
            "cosem-attribute-descriptor"
        ]
    );
    let broken = &apdu.children[2].children[1];
    assert_eq!(broken.name, "instance-id");
    assert_eq!(
        broken.error.map(|error| error.kind),
        Some(DecodeErrorKind::Truncated)
    );
}

// proves: decode-agrees
#[test]
fn general_forms_are_judged_by_their_parsers() {
    use crate::security::check_general;
    use crate::xdlms::general_block::GeneralBlock;

    let header = "02 0102 08 4142433030303031 08 4142433030303032 00 00";
    let forms = [
        format!("DD {header} 01 02 01 02 00 08 31 00000001 090909"),
        format!("DD {header} 01 00 00 08 21 00000001 090909"),
        format!("DF {header} 05 C4 01 C1 00 00 02 0506"),
        "E0 41 0001 0000 03 C40102".to_owned(),
        "E0 80 0000 0001 00".to_owned(),
    ];
    for form in forms {
        let octets = hex(&form);
        for bit in 8..8 * octets.len() {
            let mut flipped = octets.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let valid = match flipped[0] {
                GeneralBlock::TAG => GeneralBlock::parse_all(&flipped).is_ok(),
                _ => check_general(&flipped).is_ok(),
            };
            let tree = annotate(&flipped, Subject::Apdu);
            check_spans(&tree);
            let signed = flipped[0] == 0xDF;
            // What is signed is judged as well, and may be wrong by itself.
            assert!(valid || !tree.is_understood(), "{flipped:02X?}: {tree:?}");
            assert!(
                signed || tree.is_understood() == valid,
                "{flipped:02X?}: {tree:?}"
            );
        }
    }
}

#[test]
fn a_count_that_is_a_lie_makes_few_nodes() {
    let tree = annotate(&hex("C0 03 C1 84 0FFFFFFF 0012"), Subject::Apdu);
    assert!(!tree.is_understood());
    let zeros = [&hex("0F 40000001 00 01 83 0F0000")[..], &vec![0; 0x0F_0000]].concat();
    let tree = annotate(&zeros, Subject::Apdu);
    fn count(node: &Node) -> usize {
        1 + node.children.iter().map(count).sum::<usize>()
    }
    assert!(count(&tree) <= MOST_NODES + 10);
}

// proves: decode-frames
#[test]
fn frames_and_messages_hold_their_apdus() {
    let frame = "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA7E";
    let tree = annotate(&hex(frame), Subject::Any);
    assert!(tree.is_understood(), "{tree:?}");
    check_spans(&tree);
    let information = tree.children[0]
        .children
        .iter()
        .find(|child| child.name == "information")
        .expect("an information field");
    assert_eq!(information.children[1].name, "AARQ");
    let two = [hex("7EA00703213117877E"), hex("7EA00703215303C77E")].concat();
    let tree = annotate(&two, Subject::Any);
    let notes: Vec<_> = tree.children.iter().map(|child| child.note).collect();
    assert_eq!(notes, ["RR", "DISC"]);
    assert!(tree.is_understood(), "{tree:?}");
    let message = hex("0001 0001 0001 000D C001C1 0008 0000010000FF 02 00");
    let tree = annotate(&message, Subject::Any);
    assert!(tree.is_understood() && tree.name == "wrapper", "{tree:?}");
    assert_eq!(tree.children[0].children[4].name, "get-request");
    let mut damaged = hex(frame);
    damaged[20] ^= 1;
    damaged.extend_from_slice(&hex("7EA00703213117877E"));
    let tree = annotate(&damaged, Subject::Any);
    check_spans(&tree);
    assert_eq!(tree.children.len(), 2, "{tree:?}");
    let kinds: Vec<_> = tree
        .children
        .iter()
        .map(|frame| frame.is_understood())
        .collect();
    assert_eq!(kinds, [false, true]);
}
