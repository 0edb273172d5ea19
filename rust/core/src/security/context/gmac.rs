//! HLS mechanism 5, whose proofs come from the same keys and count with the same counters as the messages around them.

use subtle::ConstantTimeEq;

use crate::error::{SecurityError, SecurityErrorKind};

use super::super::control::{Protection, SecurityControl};
use super::super::envelope::Form;
use super::{SecurityContext, SystemTitle, initialization_vector, replay};

impl SecurityContext {
    /// HLS mechanism 5: `SC || IC || GMAC(SC || AK || challenge)` with the next counter.
    ///
    /// # Errors
    /// `CounterExhausted` or `MissingKey`.
    pub fn gmac(&mut self, challenge: &[u8]) -> Result<[u8; 17], SecurityError> {
        if self.counters_left() == 0 {
            return Err(SecurityErrorKind::CounterExhausted.into());
        }
        let counter = self.invocation_counter;
        let proof = self.proof(&self.system_title, counter, challenge)?;
        self.invocation_counter += 1;
        Ok(proof)
    }

    /// Verifies the peer's 17 octets over our challenge.
    ///
    /// The proof was made before the message that carries it was sealed, so its counter only has to be above the one that was
    /// accepted before that message; the challenge alone makes it fresh.
    ///
    /// # Errors
    /// `Proof`, `Replay`, `SuiteMismatch`, `SystemTitle` or `MissingKey`.
    pub fn verify_gmac(&mut self, challenge: &[u8], proof: &[u8]) -> Result<(), SecurityError> {
        let proof: &[u8; 17] = proof.try_into().map_err(|_| SecurityErrorKind::Proof)?;
        let control = SecurityControl::new(self.suite, Protection::AUTHENTICATED);
        if proof[0] != control.0 {
            return Err(SecurityErrorKind::SuiteMismatch.into());
        }
        let counter = u32::from_be_bytes([proof[1], proof[2], proof[3], proof[4]]);
        if let Some(last) = self.peer_counter_before
            && counter <= last
        {
            return Err(replay(last));
        }
        let title = self
            .peer_system_title
            .ok_or(SecurityErrorKind::SystemTitle)?;
        let expected = self.proof(&title, counter, challenge)?;
        if !bool::from(expected.as_slice().ct_eq(proof)) {
            return Err(SecurityErrorKind::Proof.into());
        }
        self.peer_counter = self.peer_counter.max(Some(counter));
        Ok(())
    }

    fn proof(
        &self,
        title: &SystemTitle,
        counter: u32,
        challenge: &[u8],
    ) -> Result<[u8; 17], SecurityError> {
        // HLS always uses the global key, even where the association has a dedicated one.
        let cipher = self.cipher(Form::GeneralGlo, false)?;
        let control = SecurityControl::new(self.suite, Protection::AUTHENTICATED);
        let data = self.additional_data(cipher, control, &[], challenge)?;
        let tag = cipher.gmac(&initialization_vector(title, counter), &data);
        let mut proof = [0; 17];
        proof[0] = control.0;
        proof[1..5].copy_from_slice(&counter.to_be_bytes());
        proof[5..].copy_from_slice(&tag);
        Ok(proof)
    }
}
