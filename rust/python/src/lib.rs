//! Registers the classes and functions of `dlms_fw._core`, nothing else.
#![allow(
    clippy::needless_pass_by_value,
    reason = "what is extracted from a Python object is owned"
)]

use pyo3::prelude::*;

mod acse;
mod annotate;
mod apdu;
mod asymmetric;
mod bits;
mod block_protocol;
mod block_run;
mod block_sink;
mod cells;
mod channel;
mod conversation;
mod data;
mod datetime;
mod errors;
mod frame;
mod gateway;
mod image;
mod initiate;
mod invoke;
mod limits;
mod line_poller;
mod link;
mod misfit;
mod octets;
mod plain;
mod profile;
mod receiver;
mod schema;
mod security;
mod shared;
mod sockets;
mod value;

#[pymodule]
mod _core {
    use super::*;

    #[pymodule_export]
    use super::acse::{AssociationRequest, AssociationResponse, ReleaseRequest, ReleaseResponse};
    #[pymodule_export]
    use super::annotate::annotate;
    #[pymodule_export]
    use super::apdu::{
        AccessRequest, AccessResponse, ActionRequest, ActionResponse, ConfirmedServiceError,
        DataNotification, DataNotificationConfirm, EventNotification, ExceptionResponse,
        GetRequest, GetResponse, InformationReport, ReadRequest, ReadResponse, RequestList,
        ResponseList, SetRequest, SetResponse, WriteRequest, WriteResponse, decode_apdu,
    };
    #[pymodule_export]
    use super::asymmetric::{PrivateKey, PublicKey, derive_key};
    #[pymodule_export]
    use super::bits::BitString;
    #[pymodule_export]
    use super::block_protocol::BlockProtocol;
    #[pymodule_export]
    use super::block_run::BlockRun;
    #[pymodule_export]
    use super::block_sink::{BlockSink, store_image_blocks, stored_block_digest};
    #[pymodule_export]
    use super::channel::Channel;
    #[pymodule_export]
    use super::conversation::converse;
    #[pymodule_export]
    use super::data::Data;
    #[pymodule_export]
    use super::datetime::{Date, DateTime, Time};
    #[pymodule_export]
    use super::frame::{HdlcAddress, HdlcFrame, fcs16, fcs16_portable};
    #[pymodule_export]
    use super::gateway::Gateway;
    #[pymodule_export]
    use super::image::{
        BlockStatus, ImageBlock, ImageBlocks, block_digests, decode_record, encode_record,
        image_digests,
    };
    #[pymodule_export]
    use super::initiate::{InitiateRequest, InitiateResponse};
    #[pymodule_export]
    use super::limits::Limits;
    #[pymodule_export]
    use super::line_poller::LinePoller;
    #[pymodule_export]
    use super::link::{
        Discarded, HdlcFraming, LinkConnected, LinkDisconnected, PeerChanged, UnconfirmedFrame,
        WrapperFraming, wrapper_message_lengths,
    };
    #[pymodule_export]
    use super::profile::expand_rows;
    #[pymodule_export]
    use super::receiver::{ApduReceiver, ReceivedApdu};
    #[pymodule_export]
    use super::schema::Schema;
    #[pymodule_export]
    use super::security::{Key, SecurityContext};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add(
            "RANDOMNESS_LENGTH",
            dlms_fw_core::security::RANDOMNESS_LENGTH,
        )?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
