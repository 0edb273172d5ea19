//! Both halves of receiving where variables have short names: no invoke ids, so one request at a time, and block forms of their own.

use crate::apdu::{Apdu, Role};
use crate::axdr::RawData;
use crate::codec::{Parse, Reader};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::security::SecurityContext;
use crate::xdlms::block_transfer::{Assembled, Assembler};
use crate::xdlms::datablock::{DataBlock, parse_octets};
use crate::xdlms::result::DataAccessResult;
use crate::xdlms::sequence_of::SequenceOf;
use crate::xdlms::short_name::access::VariableAccess;
use crate::xdlms::short_name::blocks::ShortNameSplitter;
use crate::xdlms::short_name::read::{ReadRequest, ReadResponse, ReadResult};
use crate::xdlms::short_name::write::{WriteRequest, WriteResponse, WriteResult};

use super::outstanding::{Pending, Service};
use super::receive::Handled;
use super::{Channel, ChannelError, Event};

const READ_REQUEST: u8 = ReadRequest::TAG;
const WRITE_REQUEST: u8 = <WriteRequest<'_>>::TAG;
const OCTET_STRING: u8 = 9;

/// An answer that nothing waits for.
const STALE: Handled<'static> = Handled::Event(Event::Discarded {
    reason: "no-request",
    expected_counter: None,
});

/// A block among variables, or where none may be.
const MISPLACED: DecodeError = DecodeError::new(DecodeErrorKind::UnexpectedTag, 1);

/// The long APDUs of one association that are on their way.
#[derive(Debug, Default)]
pub(super) struct ShortNameTransfers {
    /// A long APDU of ours that the peer is taking block by block.
    sending: Option<Box<ShortNameSplitter>>,
    /// A long APDU of the peer that we are collecting.
    receiving: Option<Box<Assembler>>,
}

impl ShortNameTransfers {
    /// Nothing is under way any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A piece of a long APDU, as it came in one of its forms.
struct Piece<'a> {
    last_block: bool,
    block_number: u16,
    raw_data: &'a [u8],
}

impl Channel {
    /// Sends an APDU that does not fit in its block form, or says that there is none or that none was negotiated.
    pub(super) fn send_short_name_blocks(
        &mut self,
        apdu: &[u8],
        does_not_fit: ChannelError,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        let Some(splitter) = ShortNameSplitter::new(apdu) else {
            return Err(does_not_fit);
        };
        let permitted = self
            .negotiation
            .is_some_and(|negotiation| negotiation.permits(splitter.service()));
        if !permitted {
            return Err(does_not_fit);
        }
        self.short_names.sending = Some(Box::new(splitter));
        self.send_next_short_name_block(security, out)
    }

    fn send_next_short_name_block(
        &mut self,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        let Some(mut splitter) = self.short_names.sending.take() else {
            return Ok(());
        };
        let limit = self.limit().unwrap_or(usize::MAX);
        let room = self.largest_plain(splitter.tag(), limit, security.as_deref());
        let block = splitter.next_block(room).ok_or(ChannelError::DoesNotFit {
            length: limit.saturating_add(1),
            limit,
        })?;
        let tag = splitter.tag();
        if !splitter.is_finished() {
            self.short_names.sending = Some(splitter);
        }
        self.transmit(tag, &block.as_slice(), security, out)
    }

    /// Notes that a request went out whose answer is waited for.
    pub(super) fn sent_short_names(&mut self, service: Service, items: usize) {
        if self.role == Role::Client {
            self.outstanding
                .add_short_name(Pending::new(service, Some(items)));
        }
    }

    // The client's half

    pub(super) fn read_response<'a>(
        &mut self,
        response: ReadResponse<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let Some(pending) = self.outstanding.find_short_name(Service::Read) else {
            return Ok(STALE);
        };
        match response.block() {
            Some(ReadResult::BlockNumber(block_number)) => {
                self.short_name_acknowledged(READ_REQUEST, block_number, security, out)
            }
            Some(ReadResult::DataBlock(block)) => {
                self.short_names.sending = None;
                let piece = Piece {
                    last_block: block.last_block,
                    block_number: block.block_number,
                    raw_data: block.raw_data,
                };
                let Some(whole) = self.collect_short_names(ReadResponse::TAG, &piece)? else {
                    let next = VariableAccess::BlockNumber(block.block_number);
                    let request = ReadRequest(SequenceOf(vec![next]));
                    self.transmit(READ_REQUEST, &request, security, out)?;
                    return Ok(Handled::Nothing);
                };
                if !ReadResponse::parse_within(&whole, self.limits)?.is_complete() {
                    return Err(MISPLACED.into());
                }
                self.outstanding.answer_short_name();
                Ok(Handled::Whole(whole, Some(pending)))
            }
            _ if response.is_complete() => self.short_name_answer(response.into()),
            _ => Err(MISPLACED.into()),
        }
    }

    pub(super) fn write_response<'a>(
        &mut self,
        response: WriteResponse,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        if self.outstanding.find_short_name(Service::Write).is_none() {
            return Ok(STALE);
        }
        match response.block_number() {
            Some(block_number) => {
                self.short_name_acknowledged(WRITE_REQUEST, block_number, security, out)
            }
            None if response.is_complete() => self.short_name_answer(response.into()),
            None => Err(MISPLACED.into()),
        }
    }

    /// A complete answer, refused where it does not answer each thing that was asked.
    fn short_name_answer<'a>(&mut self, apdu: Apdu<'a>) -> Result<Handled<'a>, ChannelError> {
        self.short_names.clear();
        match self.outstanding.answer_short_name() {
            Some(pending) if pending.is_answered_by(&apdu) => Ok(Handled::Event(Event::Apdu(apdu))),
            _ => Err(DecodeError::new(DecodeErrorKind::WrongLength, 1).into()),
        }
    }

    /// The peer took a block of ours and asks for the next.
    fn short_name_acknowledged<'a>(
        &mut self,
        tag: u8,
        block_number: u16,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        if !self.is_sending(tag, block_number) {
            return Ok(STALE);
        }
        self.send_next_short_name_block(security, out)?;
        Ok(Handled::Nothing)
    }

    // The server's half

    pub(super) fn read_request<'a>(
        &mut self,
        request: ReadRequest<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let piece = match request.block() {
            Some(VariableAccess::BlockNumber(block_number)) => {
                if self.is_sending(ReadResponse::TAG, block_number) {
                    self.send_next_short_name_block(security, out)?;
                    return Ok(Handled::Nothing);
                }
                return self.refuse_block(ReadResponse::TAG, security, out);
            }
            Some(VariableAccess::ReadDataBlock(block)) => Piece {
                last_block: block.last_block,
                block_number: block.block_number,
                raw_data: block.raw_data,
            },
            None if request.is_complete() => {
                self.short_names.clear();
                return Ok(Handled::Event(Event::Apdu(request.into())));
            }
            _ => return Ok(misplaced()),
        };
        self.gather_short_names(READ_REQUEST, &piece, security, out)
    }

    pub(super) fn write_request<'a>(
        &mut self,
        request: WriteRequest<'a>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let piece = match request.block() {
            Some((
                VariableAccess::WriteDataBlock {
                    last_block,
                    block_number,
                },
                data,
            )) => match octets_of(*data) {
                Some(raw_data) => Piece {
                    last_block,
                    block_number,
                    raw_data,
                },
                None => return Ok(misplaced()),
            },
            None if request.is_complete() => {
                self.short_names.clear();
                return Ok(Handled::Event(Event::Apdu(request.into())));
            }
            _ => return Ok(misplaced()),
        };
        self.gather_short_names(WRITE_REQUEST, &piece, security, out)
    }

    /// Adds a block to the request being collected, and acknowledges it.
    fn gather_short_names<'a>(
        &mut self,
        tag: u8,
        piece: &Piece<'_>,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        let response = if tag == READ_REQUEST {
            ReadResponse::TAG
        } else {
            WriteResponse::TAG
        };
        self.short_names.sending = None;
        if piece.block_number == 1 {
            self.short_names.receiving = None; // whatever was under way has been given up by the client
        }
        match self.collect_short_names(tag, piece) {
            Ok(Some(whole)) if is_complete_request(&whole) => Ok(Handled::Whole(whole, None)),
            Ok(Some(_)) => Ok(misplaced()),
            Ok(None) => {
                let block_number = piece.block_number;
                if tag == READ_REQUEST {
                    let next =
                        ReadResponse(SequenceOf(vec![ReadResult::BlockNumber(block_number)]));
                    self.transmit(response, &next, security, out)?;
                } else {
                    let next =
                        WriteResponse(SequenceOf(vec![WriteResult::BlockNumber(block_number)]));
                    self.transmit(response, &next, security, out)?;
                }
                Ok(Handled::Nothing)
            }
            Err(_) => self.refuse_block(response, security, out),
        }
    }

    /// Ends a block transfer whose numbers do not follow each other, or that is too long.
    fn refuse_block<'a>(
        &mut self,
        response: u8,
        security: Option<&mut SecurityContext>,
        out: &mut Vec<u8>,
    ) -> Result<Handled<'a>, ChannelError> {
        self.short_names.clear();
        let error = DataAccessResult::DataBlockNumberInvalid.into();
        let answer: [u8; 4] = [response, 1, 1, error];
        self.transmit(response, &answer.as_slice(), security, out)?;
        Ok(Handled::Nothing)
    }

    // Helpers

    /// Whether the block handed out last, of an APDU with this tag, has this number.
    fn is_sending(&self, tag: u8, block_number: u16) -> bool {
        self.short_names.sending.as_ref().is_some_and(|splitter| {
            splitter.tag() == tag && splitter.block_number() == block_number
        })
    }

    /// Adds a block to the APDU being collected; the whole APDU when it was the last.
    fn collect_short_names(
        &mut self,
        tag: u8,
        piece: &Piece<'_>,
    ) -> Result<Option<Vec<u8>>, ChannelError> {
        let limit = self.max_receive_apdu_size;
        let mut assembler = self
            .short_names
            .receiving
            .take()
            .unwrap_or_else(|| Box::new(Assembler::new(vec![tag], limit)));
        let block = DataBlock {
            last_block: piece.last_block,
            block_number: piece.block_number.into(),
            raw_data: piece.raw_data,
        };
        match assembler.push(&block)? {
            Assembled::More => {
                self.short_names.receiving = Some(assembler);
                Ok(None)
            }
            Assembled::Whole(octets) => Ok(Some(octets)),
        }
    }
}

pub(super) const fn misplaced() -> Handled<'static> {
    Handled::Event(Event::Discarded {
        reason: MISPLACED.kind.code(),
        expected_counter: None,
    })
}

/// Whether what was put together is readable only as variables; what is not readable at all is told where it is read.
fn is_complete_request(octets: &[u8]) -> bool {
    match Apdu::parse_all(octets) {
        Ok(Apdu::ReadRequest(request)) => request.is_complete(),
        Ok(Apdu::WriteRequest(request)) => request.is_complete(),
        Ok(_) => false,
        Err(_) => true,
    }
}

/// The content of an octet-string.
fn octets_of(data: RawData<'_>) -> Option<&[u8]> {
    let octets = data.as_bytes();
    let mut reader = Reader::new(octets);
    reader.expect(OCTET_STRING).ok()?;
    parse_octets(&mut reader).ok()
}
