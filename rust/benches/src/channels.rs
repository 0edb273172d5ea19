//! Protection and the channel: what is done for one image block and its answer.

use std::hint::black_box;

use dlms_fw_core::apdu::{Apdu, Role};
use dlms_fw_core::channel::{Channel, ChannelError, Framing, Negotiation};
use dlms_fw_core::image::ImageBlock;
use dlms_fw_core::security::{KeyMaterial, Protection, SecurityContext, SecuritySuite};
use dlms_fw_core::xdlms::action::{ActionOutcome, ActionResponse, ActionResponseForm};
use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;
use dlms_fw_core::xdlms::result::ActionResult;

use crate::wire::{action, octets};
use crate::{Case, Operation};

pub(crate) const CASES: &[Case] = &[
    Case::new("seal-128", || seal(128)),
    Case::new("seal-1024", || seal(1024)),
    Case::new("open-128", || open(128)),
    Case::new("open-1024", || open(1024)),
    Case::new("block-exchange-plain-1024", || block_exchange(1024, false)),
    Case::new("block-exchange-ciphered-128", || block_exchange(128, true)),
    Case::new("block-exchange-ciphered-1024", || {
        block_exchange(1024, true)
    }),
];

const CLIENT: [u8; 8] = *b"DFW\x00\x00\x00\x00\x01";
const METER: [u8; 8] = *b"DFW\x00\x00\x00\x00\x02";

fn security(own: [u8; 8], peer: [u8; 8]) -> SecurityContext {
    let keys = KeyMaterial {
        global_unicast_encryption_key: Some(&[1; 16]),
        authentication_key: Some(&[2; 16]),
        ..KeyMaterial::default()
    };
    let mut context = SecurityContext::new(SecuritySuite::Suite0, Protection::BOTH, own, &keys)
        .expect("keys fit");
    context
        .set_peer_system_title(Some(peer))
        .expect("another title");
    assert!(context.extend(1, u32::MAX), "counters from 1 on");
    context
}

/// A plain APDU of which only the tag is looked at.
fn plain(tag: u8, length: usize) -> Vec<u8> {
    let mut octets = octets(length);
    octets[0] = tag;
    octets
}

fn seal(length: usize) -> Operation {
    let mut context = security(CLIENT, METER);
    let apdu = plain(0xC3, length);
    let mut out = vec![0; length + 64];
    Box::new(move || {
        let message = context.message_protection(0xC3, false);
        let plan = context.plan(0xC3, apdu.len(), message);
        let out = &mut out[..plan.sealed_len()];
        out[plan.plain()].copy_from_slice(black_box(&apdu));
        context
            .seal_in_place(&plan, out)
            .expect("a counter is left");
        black_box(out);
    })
}

fn open(length: usize) -> Operation {
    let mut context = security(CLIENT, METER);
    let sealed = security(METER, CLIENT)
        .seal(&plain(0xC7, length), Protection::BOTH)
        .expect("a counter is left");
    let mut message = sealed.clone();
    Box::new(move || {
        message.copy_from_slice(black_box(&sealed));
        context.set_peer_counter(None);
        black_box(context.open_in_place(&mut message).expect("genuine"));
    })
}

/// A channel over the wrapper for which everything was negotiated.
fn channel(role: Role) -> Channel {
    let mut channel = Channel::new(role, Framing::wrapper(role, 1, 1, 1 << 20), 1 << 20);
    channel.negotiate(Negotiation {
        conformance: 0x00_7E1F,
        peer_max_receive_pdu_size: u16::MAX,
    });
    channel
}

/// The client's part: a request leaves, and its answer, made by a meter beforehand, is taken.
fn block_exchange(length: usize, ciphered: bool) -> Operation {
    let mut channel = channel(Role::Client);
    let mut security = ciphered.then(|| security(CLIENT, METER));
    let value = octets(length);
    let answer = answer(ciphered);
    let mut out = vec![0; length + 128];
    let mut reply = Vec::new();
    Box::new(move || {
        let request: Apdu<'_, ImageBlock<'_>> = action(7, black_box(&value)).into();
        let plan = channel.plan(request.tag(), &request, security.as_ref());
        let length = channel.direct_len(&plan).expect("goes out in one piece");
        channel
            .write(&plan, &request, security.as_mut(), &mut out[..length])
            .expect("a counter is left");
        channel.sent(&request);
        black_box(&out);
        if let Some(security) = &mut security {
            security.set_peer_counter(None);
        }
        channel
            .receive::<ChannelError>(&answer, security.as_mut(), &mut reply, &mut |event| {
                black_box(event);
                Ok(())
            })
            .expect("an answer");
    })
}

fn answer(ciphered: bool) -> Vec<u8> {
    let mut meter = Channel::new(
        Role::Server,
        Framing::wrapper(Role::Server, 1, 1, 1 << 20),
        1 << 20,
    );
    let mut security = ciphered.then(|| security(METER, CLIENT));
    let mut out = Vec::new();
    // A request first, so that the meter knows whom it answers.
    let mut client = channel(Role::Client);
    let request: Apdu<'_, ImageBlock<'_>> = action(0, &[0]).into();
    let plan = client.plan(request.tag(), &request, None);
    client
        .send(&plan, &request, None, &mut out)
        .expect("goes out");
    meter
        .receive::<ChannelError>(&out, None, &mut Vec::new(), &mut |_| Ok(()))
        .expect("a request");
    let response: Apdu<'_, ImageBlock<'_>> = ActionResponse {
        invoke_id_and_priority: InvokeIdAndPriority::new(1, true, true),
        form: ActionResponseForm::Normal(ActionOutcome {
            result: ActionResult::Success,
            return_parameters: None,
        }),
    }
    .into();
    let plan = meter.plan(response.tag(), &response, security.as_ref());
    out.clear();
    meter
        .send(&plan, &response, security.as_mut(), &mut out)
        .expect("goes out");
    out
}
