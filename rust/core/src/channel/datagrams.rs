//! Over datagrams nothing below repeats what is lost: requests that do no harm twice are kept until they are answered.
//!
//! A repetition keeps the invoke id, so that whichever answer comes first is taken and the other one belongs to no request any more. It
//! is sealed anew: a meter refuses the octets of a request that it has seen.

use crate::apdu::{Apdu, Role};
use crate::codec::Emit;
use crate::security::SecurityContext;
use crate::xdlms::action::ActionRequestForm;
use crate::xdlms::exception::ExceptionResponse;
use crate::xdlms::get::GetRequestForm;
use crate::xdlms::invoke::InvokeIdAndPriority;

use super::{Channel, ChannelError};

/// Octets of the longest APDU in one datagram over IPv4: the wrapper takes 8, UDP and IP take 28.
const LONGEST_APDU: usize = 65_535 - 28 - 8;

/// Image transfer, and its method `image_block_transfer`: a block that comes again is the same block.
const IMAGE_TRANSFER: u16 = 18;
const IMAGE_BLOCK_TRANSFER: i8 = 2;

/// Where the invoke id stands in every request that has one.
const INVOKE_ID: usize = 2;

/// What a channel keeps where the medium may lose, double and mix up messages.
#[derive(Debug)]
pub(super) struct Datagrams {
    max_retries: u8,
    left: u8,
    /// Plain requests as they were sent, oldest first.
    kept: Vec<Vec<u8>>,
}

impl Channel {
    /// The medium carries one message at a time, and perhaps none or two of it. No answer within the response timeout repeats a request
    /// that may be repeated; others are waited for as long. After `max_retries` of that a request has failed.
    pub fn use_datagrams(&mut self, max_retries: u8) {
        self.datagrams = Some(Datagrams {
            max_retries,
            left: max_retries,
            kept: Vec::new(),
        });
    }

    /// The longest APDU that the medium carries, where that is less than the wrapper can.
    pub(super) fn medium_limit(&self) -> Option<usize> {
        self.datagrams.as_ref().map(|_| LONGEST_APDU)
    }

    /// A confirmed request was sent.
    pub(super) fn keep<P: Emit>(&mut self, apdu: &Apdu<'_, P>) {
        let Some(datagrams) = &mut self.datagrams else {
            return;
        };
        let outstanding = &self.outstanding;
        datagrams
            .kept
            .retain(|octets| outstanding.is_waiting(invoke_of(octets)));
        if self.role == Role::Client && does_no_harm_twice(apdu) {
            let octets = apdu.to_vec();
            datagrams
                .kept
                .retain(|older| older[INVOKE_ID] != octets[INVOKE_ID]);
            datagrams.kept.push(octets);
        }
    }

    /// A message was sent.
    pub(super) const fn begin_waiting(&mut self) {
        if let Some(datagrams) = &mut self.datagrams {
            datagrams.left = datagrams.max_retries;
        }
    }

    /// Sends all that is outstanding once more, where all of it may be; whether its answer is still to be waited for.
    ///
    /// A request or an answer that was on its way in blocks begins again under another invoke id, as its late blocks fit nowhere.
    pub(super) fn repeat_requests(
        &mut self,
        mut security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<bool, ChannelError> {
        let Some(datagrams) = &mut self.datagrams else {
            return Ok(false);
        };
        let outstanding = &self.outstanding;
        datagrams
            .kept
            .retain(|octets| outstanding.is_waiting(invoke_of(octets)));
        if datagrams.left == 0 || outstanding.count() == 0 {
            return Ok(false);
        }
        datagrams.left -= 1;
        if datagrams.kept.len() != outstanding.count() {
            return Ok(true);
        }
        let mut kept = core::mem::take(&mut datagrams.kept);
        let in_blocks = self.assembler.take().is_some() | self.splitter.take().is_some();
        let mut sent = Ok(());
        for octets in &mut kept {
            if in_blocks && let Some(invoke) = self.outstanding.renew(invoke_of(octets)) {
                octets[INVOKE_ID] = invoke.0;
            }
            let plan = self.plan(octets[0], &octets.as_slice(), security.as_deref());
            sent = self.send(&plan, &octets.as_slice(), security.as_deref_mut(), out);
            if sent.is_err() {
                break;
            }
        }
        if let Some(datagrams) = &mut self.datagrams {
            datagrams.kept = kept;
        }
        sent.map(|()| true)
    }

    /// Whether a refused invocation counter cannot be that of our last message, as the meter has not yet seen more than we sent: a
    /// doubled datagram has reached it, and the answer to the first one is what counts.
    pub(super) fn refuses_a_double(
        &self,
        response: &ExceptionResponse,
        security: Option<&SecurityContext>,
    ) -> bool {
        self.datagrams.is_some()
            && matches!((response.invocation_counter, security), (Some(expected), Some(security))
                if expected <= security.invocation_counter())
    }
}

fn invoke_of(octets: &[u8]) -> InvokeIdAndPriority {
    InvokeIdAndPriority(octets[INVOKE_ID])
}

fn does_no_harm_twice<P>(apdu: &Apdu<'_, P>) -> bool {
    match apdu {
        Apdu::GetRequest(request) => !matches!(request.form, GetRequestForm::Next { .. }),
        Apdu::ActionRequest(request) => match &request.form {
            ActionRequestForm::Normal { method, .. } => {
                method.class_id == IMAGE_TRANSFER && method.method_id == IMAGE_BLOCK_TRANSFER
            }
            _ => false,
        },
        _ => false,
    }
}
