//! What an APDU says about its Invoke-Id-And-Priority before a channel has given it one.

use dlms_fw_core::xdlms::invoke::InvokeIdAndPriority;

/// The octet that stands in an encoding where none was given: invoke id 1, high priority.
const DEFAULT_INVOKE_ID: u8 = 1;

/// What an APDU says about its Invoke-Id-And-Priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invoke {
    /// The APDU has no such octet.
    None,
    /// A request without that octet, so that no other may be outstanding beside it.
    Alone {
        /// Whether an answer is expected.
        confirmed: bool,
    },
    /// A request that leaves the invoke id to the channel.
    Next {
        /// Whether an answer is expected.
        confirmed: bool,
    },
    /// A request with a long invoke id that leaves it to the channel.
    NextLong,
    /// The octet is given: by the request, or by a response that repeats the one of its request.
    Given(InvokeIdAndPriority),
}

impl Invoke {
    /// From what a request class holds.
    pub(crate) const fn of_request(octet: Option<u8>, confirmed: bool) -> Self {
        match octet {
            Some(octet) => Self::Given(InvokeIdAndPriority(octet)),
            None => Self::Next { confirmed },
        }
    }

    /// The octet for an encoding outside a channel.
    pub(crate) const fn or_default(self) -> InvokeIdAndPriority {
        match self {
            Self::Given(octet) => octet,
            Self::Next { confirmed } => {
                InvokeIdAndPriority::new(DEFAULT_INVOKE_ID, confirmed, true)
            }
            Self::None | Self::Alone { .. } | Self::NextLong => InvokeIdAndPriority(0),
        }
    }
}
