//! What a link needs besides messages: timeouts, signs of life, acknowledgements. The wrapper needs nothing of it.

use super::{Carrier, Framing};
use crate::apdu::Role;
use crate::error::{LinkError, LinkErrorKind};

impl Framing {
    /// Server: whether an idle link is given up now.
    pub(in crate::channel) fn handle_inactivity_timeout(&mut self) -> bool {
        match &mut self.carrier {
            Carrier::Wrapper { .. } => false,
            Carrier::Hdlc { link, .. } => link.handle_inactivity_timeout(),
        }
    }

    pub(in crate::channel) fn handle_inter_octet_timeout(&mut self) {
        if let Carrier::Hdlc { link, .. } = &mut self.carrier {
            link.handle_inter_octet_timeout();
        }
    }

    pub(in crate::channel) fn has_unfinished(&self) -> bool {
        match &self.carrier {
            Carrier::Wrapper { .. } => false,
            Carrier::Hdlc { link, .. } => link.has_unfinished(),
        }
    }

    pub(in crate::channel) fn keep_alive(&mut self, out: &mut Vec<u8>) {
        if let Carrier::Hdlc { link, .. } = &mut self.carrier {
            link.keep_alive(out);
        }
    }

    pub(in crate::channel) fn set_busy(&mut self, busy: bool) {
        if let Carrier::Hdlc { link, .. } = &mut self.carrier {
            link.set_busy(busy);
        }
    }

    pub(in crate::channel) fn is_peer_busy(&self) -> bool {
        match &self.carrier {
            Carrier::Wrapper { .. } => false,
            Carrier::Hdlc { link, .. } => link.is_peer_busy(),
        }
    }

    pub(in crate::channel) fn handle_timeout(
        &mut self,
        out: &mut Vec<u8>,
    ) -> Result<(), LinkError> {
        let repeated = match &mut self.carrier {
            Carrier::Hdlc { link, .. } => link.handle_timeout(out)?,
            // A stream repeats by itself: over TCP there is nothing that could be sent again.
            Carrier::Wrapper { .. } => false,
        };
        if repeated {
            Ok(())
        } else {
            Err(LinkErrorKind::RetriesExhausted.into())
        }
    }

    /// Server: a request that gets no answer must still be acknowledged on the link.
    pub(in crate::channel) fn acknowledge(&mut self, out: &mut Vec<u8>) {
        if let Carrier::Hdlc { link, .. } = &mut self.carrier {
            link.acknowledge(out);
        }
    }

    /// More is to come without a word of ours: what the link must say for that. A server lets go of the turn, a client gives it back.
    pub(in crate::channel) fn await_message(&mut self, out: &mut Vec<u8>) {
        if let Carrier::Hdlc { link, .. } = &mut self.carrier {
            match self.role {
                Role::Server => link.acknowledge(out),
                Role::Client => {
                    link.keep_alive(out);
                }
            }
        }
    }
}
