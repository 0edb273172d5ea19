//! Check sequences, frames, A-XDR and the block status: octets in, octets out.

use std::hint::black_box;

use dlms_fw_core::axdr::{DataRef, Guard, Options, RawData};
use dlms_fw_core::codec::{Emit, Limits, Parse, Reader, Writer};
use dlms_fw_core::hdlc::address::Address;
use dlms_fw_core::hdlc::control::Control;
use dlms_fw_core::hdlc::fcs::{Fcs, fcs};
use dlms_fw_core::hdlc::frame::Frame;
use dlms_fw_core::image::{BlockStatus, ImageBlock};
use dlms_fw_core::xdlms::action::{ActionRequest, ActionRequestForm};
use dlms_fw_core::xdlms::descriptor::{LogicalName, MethodDescriptor};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;

use crate::{Case, Operation};

pub(crate) const CASES: &[Case] = &[
    Case::new("fcs-portable-128", || fcs_portable(128)),
    Case::new("fcs-portable-2030", || fcs_portable(2030)),
    Case::new("fcs-128", || fcs_of(128)),
    Case::new("fcs-2030", || fcs_of(2030)),
    Case::new("frame-emit-128", || frame_emit(128)),
    Case::new("frame-emit-2030", || frame_emit(2030)),
    Case::new("frame-parse-128", || frame_parse(128)),
    Case::new("frame-parse-2030", || frame_parse(2030)),
    Case::new("action-emit-128", || action_emit(128)),
    Case::new("action-emit-1024", || action_emit(1024)),
    Case::new("action-parse-1024", action_parse),
    Case::new("block-status-4096", block_status),
    Case::new("profile-extent-1000", profile_extent),
    Case::new("profile-nodes-1000", profile_nodes),
];

/// `image_block_transfer` of the image transfer object.
pub(crate) const METHOD: MethodDescriptor = MethodDescriptor {
    class_id: 18,
    logical_name: LogicalName([0, 0, 44, 0, 0, 255]),
    method_id: 2,
};

/// Octets that are not all alike.
pub(crate) fn octets(length: usize) -> Vec<u8> {
    (0..length)
        .map(|position| (position * 7 % 251).to_le_bytes()[0])
        .collect()
}

fn fcs_portable(length: usize) -> Operation {
    let octets = octets(length);
    Box::new(move || {
        let mut sum = Fcs::new();
        sum.update_portable(black_box(&octets));
        black_box(sum);
    })
}

fn fcs_of(length: usize) -> Operation {
    let octets = octets(length);
    Box::new(move || {
        black_box(fcs(black_box(&octets)));
    })
}

fn frame(information: &[u8]) -> Frame<'_> {
    let address = Address::client(1).expect("fits");
    Frame {
        destination: address,
        source: address,
        control: Control::from(0x10),
        segmentation: false,
        information,
    }
}

fn emit_into(value: &impl Emit, out: &mut [u8]) {
    let length = value.emitted_len();
    let mut out = Writer::new(&mut out[..length]);
    value.emit(&mut out);
    out.finish();
}

fn frame_emit(length: usize) -> Operation {
    let information = octets(length);
    let mut out = vec![0; 2 * length];
    Box::new(move || {
        emit_into(black_box(&frame(&information)), &mut out);
        black_box(&out);
    })
}

fn frame_parse(length: usize) -> Operation {
    let octets = frame(&octets(length)).to_vec();
    Box::new(move || {
        let frame = Frame::parse(black_box(&octets[1..octets.len() - 1]));
        black_box(frame.expect("undamaged"));
    })
}

/// A request of one image block.
pub(crate) fn action(number: u32, value: &[u8]) -> ActionRequest<'_, ImageBlock<'_>> {
    ActionRequest {
        invoke_id_and_priority: InvokeIdAndPriority::new(1, true, true),
        form: ActionRequestForm::Normal {
            method: METHOD,
            parameter: Some(ImageBlock {
                image_block_number: number,
                image_block_value: value,
                padding: 0,
            }),
        },
    }
}

fn action_emit(length: usize) -> Operation {
    let value = octets(length);
    let mut out = vec![0; 2 * length];
    Box::new(move || {
        emit_into(black_box(&action(7, &value)), &mut out);
        black_box(&out);
    })
}

fn action_parse() -> Operation {
    let octets = action(7, &octets(1024)).to_vec();
    Box::new(move || {
        black_box(ActionRequest::parse_all(black_box(&octets)).expect("well-formed"));
    })
}

fn block_status() -> Operation {
    let bits = vec![0xFF; 512];
    Box::new(move || {
        let status = BlockStatus::from_bits(black_box(&bits), 4096, 4096).expect("as many bits");
        black_box(status.missing_runs());
    })
}

/// A load profile: clock and four registers in each row.
fn profile(rows: u16) -> Vec<u8> {
    let mut out = vec![0x01, 0x82];
    out.extend(rows.to_be_bytes());
    for row in 0..rows {
        out.extend([0x02, 5, 0x09, 12]);
        out.extend(octets(12));
        for register in 0..4 {
            out.push(0x06);
            out.extend((u32::from(row) * 4 + register).to_be_bytes());
        }
    }
    out
}

fn profile_extent() -> Operation {
    let octets = profile(1000);
    Box::new(move || {
        black_box(RawData::parse_all(black_box(&octets)).expect("well-formed"));
    })
}

fn profile_nodes() -> Operation {
    let octets = profile(1000);
    let options = Options {
        strict: true,
        limits: Limits::DEFAULT,
    };
    Box::new(move || {
        let mut reader = Reader::new(black_box(&octets));
        let guard = Guard::new(options);
        while !reader.is_empty() {
            black_box(DataRef::read(&mut reader, &guard.options).expect("well-formed"));
        }
    })
}
