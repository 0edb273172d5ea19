//! The layouts of all APDUs (Green Book, COSEM-PDU), by tag; and who judges them.

use super::grammar::Field::{self, *};
use super::grammar::{Alternative, walk};
use super::node::{Notes, Value, octets};
use super::{acse, envelope};
use crate::apdu::Apdu;
use crate::codec::{Parse, Reader};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::xdlms::general_block::GeneralBlock;
use crate::xdlms::initiate::{InitiateRequest, InitiateResponse};

const INVOKE: Field = U8("invoke-id-and-priority", "invoke-id-and-priority");
const LONG_INVOKE: Field = U32("long-invoke-id-and-priority", "long-invoke-id-and-priority");
const DATE_TIME: Field = String("date-time", "date-time");
const DATA_RESULT: Field = U8("data-access-result", "data-access-result");
const ACTION_RESULT: Field = U8("action-result", "action-result");
const BLOCK_NUMBER: Field = U32("block-number", "");

const ATTRIBUTE: Field = Group(
    "cosem-attribute-descriptor",
    &[
        U16("class-id", "class-id"),
        Fixed("instance-id", "logical-name", 6),
        I8("attribute-id", "attribute-id"),
    ],
);
const METHOD: Field = Group(
    "cosem-method-descriptor",
    &[
        U16("class-id", "class-id"),
        Fixed("instance-id", "logical-name", 6),
        I8("method-id", "method-id"),
    ],
);
const SELECTIVE: &[Field] = &[U8("access-selector", ""), Data("access-parameters")];
const SELECTION: Field = Optional("access-selection", SELECTIVE);
const ATTRIBUTES: Field = List(
    "attribute-descriptor-list",
    "attribute-descriptor",
    &[ATTRIBUTE, SELECTION],
);
const METHODS: Field = List("method-descriptor-list", "method-descriptor", &[METHOD]);
const VALUES: Field = List("value-list", "value", &[Data("value")]);
const BLOCK: Field = Group(
    "datablock",
    &[
        U8("last-block", "boolean"),
        BLOCK_NUMBER,
        String("raw-data", "raw-data"),
    ],
);
pub(super) const GET_RESULT: Field = Group(
    "result",
    &[Choice(
        "choice",
        &[
            Alternative(0, "data", &[Data("data")]),
            Alternative(1, "data-access-result", &[DATA_RESULT]),
        ],
    )],
);
pub(super) const OUTCOME: Field = Group(
    "single-response",
    &[ACTION_RESULT, Optional("return-parameters", &[GET_RESULT])],
);

const VARIABLES: &[Alternative] = &[
    Alternative(2, "variable-name", &[U16("short-name", "short-name")]),
    Alternative(
        4,
        "parameterized-access",
        &[
            U16("short-name", "short-name"),
            U8("selector", ""),
            Data("parameter"),
        ],
    ),
    Alternative(5, "block-number-access", &[U16("block-number", "")]),
    Alternative(
        6,
        "read-data-block-access",
        &[
            U8("last-block", "boolean"),
            U16("block-number", ""),
            String("raw-data", "raw-data"),
        ],
    ),
    Alternative(
        7,
        "write-data-block-access",
        &[U8("last-block", "boolean"), U16("block-number", "")],
    ),
];
const VARIABLE_LIST: Field = List(
    "variable-access-specification",
    "variable",
    &[Group("variable", &[Choice("choice", VARIABLES)])],
);
const ACCESS_SPECIFICATIONS: &[Field] = &[List(
    "access-request-specification",
    "specification",
    &[Group(
        "specification",
        &[Choice(
            "choice",
            &[
                Alternative(1, "access-request-get", &[ATTRIBUTE]),
                Alternative(2, "access-request-set", &[ATTRIBUTE]),
                Alternative(3, "access-request-action", &[METHOD]),
                Alternative(
                    4,
                    "access-request-get-with-selection",
                    &[ATTRIBUTE, Group("access-selection", SELECTIVE)],
                ),
                Alternative(
                    5,
                    "access-request-set-with-selection",
                    &[ATTRIBUTE, Group("access-selection", SELECTIVE)],
                ),
            ],
        )],
    )],
)];
/// The five fields that general-ciphering and general-signing begin with.
const GENERAL_HEADER: Field = Group(
    "header",
    &[
        String("transaction-id", ""),
        String("originator-system-title", "system-title"),
        String("recipient-system-title", "system-title"),
        String("date-time", "date-time"),
        String("other-information", ""),
    ],
);

/// The fields behind the tag.
#[allow(
    clippy::too_many_lines,
    reason = "one row for each APDU of the standard"
)]
const LAYOUTS: &[(u8, &str, &[Field])] = &[
    (
        0x01,
        "initiate-request",
        &[
            Optional("dedicated-key", &[String("key", "secret")]),
            Optional("response-allowed", &[U8("value", "boolean")]),
            Optional("proposed-quality-of-service", &[I8("value", "")]),
            U8("proposed-dlms-version-number", ""),
            Conformance("proposed-conformance"),
            U16("client-max-receive-pdu-size", ""),
        ],
    ),
    (0x05, "read-request", &[VARIABLE_LIST]),
    (0x06, "write-request", &[VARIABLE_LIST, VALUES]),
    (
        0x08,
        "initiate-response",
        &[
            Optional("negotiated-quality-of-service", &[I8("value", "")]),
            U8("negotiated-dlms-version-number", ""),
            Conformance("negotiated-conformance"),
            U16("server-max-receive-pdu-size", ""),
            U16("vaa-name", "vaa-name"),
        ],
    ),
    (
        0x0C,
        "read-response",
        &[List(
            "results",
            "result",
            &[Group(
                "result",
                &[Choice(
                    "choice",
                    &[
                        Alternative(0, "data", &[Data("data")]),
                        Alternative(1, "data-access-error", &[DATA_RESULT]),
                        Alternative(
                            2,
                            "data-block-result",
                            &[
                                U8("last-block", "boolean"),
                                U16("block-number", ""),
                                String("raw-data", "raw-data"),
                            ],
                        ),
                        Alternative(3, "block-number", &[U16("block-number", "")]),
                    ],
                )],
            )],
        )],
    ),
    (
        0x0D,
        "write-response",
        &[List(
            "results",
            "result",
            &[Group(
                "result",
                &[Choice(
                    "choice",
                    &[
                        Alternative(0, "success", &[]),
                        Alternative(1, "data-access-error", &[DATA_RESULT]),
                        Alternative(2, "block-number", &[U16("block-number", "")]),
                    ],
                )],
            )],
        )],
    ),
    (
        0x0E,
        "confirmed-service-error",
        &[
            U8("service", "confirmed-service"),
            U8("service-error", "error-kind"),
            U8("value", "error-value"),
        ],
    ),
    (
        0x0F,
        "data-notification",
        &[LONG_INVOKE, DATE_TIME, Data("notification-body")],
    ),
    (0x10, "data-notification-confirm", &[LONG_INVOKE, DATE_TIME]),
    (0x16, "unconfirmed-write-request", &[VARIABLE_LIST, VALUES]),
    (
        0x18,
        "information-report-request",
        &[
            Optional("current-time", &[String("time", "generalized-time")]),
            VARIABLE_LIST,
            VALUES,
        ],
    ),
    (
        0xC0,
        "get-request",
        &[Choice(
            "form",
            &[
                Alternative(1, "get-request-normal", &[INVOKE, ATTRIBUTE, SELECTION]),
                Alternative(2, "get-request-next", &[INVOKE, BLOCK_NUMBER]),
                Alternative(3, "get-request-with-list", &[INVOKE, ATTRIBUTES]),
            ],
        )],
    ),
    (
        0xC1,
        "set-request",
        &[Choice(
            "form",
            &[
                Alternative(
                    1,
                    "set-request-normal",
                    &[INVOKE, ATTRIBUTE, SELECTION, Data("value")],
                ),
                Alternative(
                    2,
                    "set-request-with-first-datablock",
                    &[INVOKE, ATTRIBUTE, SELECTION, BLOCK],
                ),
                Alternative(3, "set-request-with-datablock", &[INVOKE, BLOCK]),
                Alternative(4, "set-request-with-list", &[INVOKE, ATTRIBUTES, VALUES]),
                Alternative(
                    5,
                    "set-request-with-list-and-first-datablock",
                    &[INVOKE, ATTRIBUTES, BLOCK],
                ),
            ],
        )],
    ),
    (
        0xC2,
        "event-notification-request",
        &[
            Optional("time", &[EventTime("time")]),
            ATTRIBUTE,
            Data("attribute-value"),
        ],
    ),
    (
        0xC3,
        "action-request",
        &[Choice(
            "form",
            &[
                Alternative(
                    1,
                    "action-request-normal",
                    &[
                        INVOKE,
                        METHOD,
                        Optional("method-invocation-parameters", &[Data("parameters")]),
                    ],
                ),
                Alternative(2, "action-request-next-pblock", &[INVOKE, BLOCK_NUMBER]),
                Alternative(3, "action-request-with-list", &[INVOKE, METHODS, VALUES]),
                Alternative(
                    4,
                    "action-request-with-first-pblock",
                    &[INVOKE, METHOD, BLOCK],
                ),
                Alternative(
                    5,
                    "action-request-with-list-and-first-pblock",
                    &[INVOKE, METHODS, BLOCK],
                ),
                Alternative(6, "action-request-with-pblock", &[INVOKE, BLOCK]),
            ],
        )],
    ),
    (
        0xC4,
        "get-response",
        &[Choice(
            "form",
            &[
                Alternative(1, "get-response-normal", &[INVOKE, GET_RESULT]),
                Alternative(
                    2,
                    "get-response-with-datablock",
                    &[
                        INVOKE,
                        Group(
                            "datablock",
                            &[
                                U8("last-block", "boolean"),
                                BLOCK_NUMBER,
                                Choice(
                                    "choice",
                                    &[
                                        Alternative(
                                            0,
                                            "raw-data",
                                            &[String("raw-data", "raw-data")],
                                        ),
                                        Alternative(1, "data-access-result", &[DATA_RESULT]),
                                    ],
                                ),
                            ],
                        ),
                    ],
                ),
                Alternative(
                    3,
                    "get-response-with-list",
                    &[INVOKE, List("result-list", "result", &[GET_RESULT])],
                ),
            ],
        )],
    ),
    (
        0xC5,
        "set-response",
        &[Choice(
            "form",
            &[
                Alternative(1, "set-response-normal", &[INVOKE, DATA_RESULT]),
                Alternative(2, "set-response-datablock", &[INVOKE, BLOCK_NUMBER]),
                Alternative(
                    3,
                    "set-response-last-datablock",
                    &[INVOKE, DATA_RESULT, BLOCK_NUMBER],
                ),
                Alternative(
                    4,
                    "set-response-last-datablock-with-list",
                    &[
                        INVOKE,
                        List("result-list", "result", &[DATA_RESULT]),
                        BLOCK_NUMBER,
                    ],
                ),
                Alternative(
                    5,
                    "set-response-with-list",
                    &[INVOKE, List("result-list", "result", &[DATA_RESULT])],
                ),
            ],
        )],
    ),
    (
        0xC7,
        "action-response",
        &[Choice(
            "form",
            &[
                Alternative(1, "action-response-normal", &[INVOKE, OUTCOME]),
                Alternative(2, "action-response-with-pblock", &[INVOKE, BLOCK]),
                Alternative(
                    3,
                    "action-response-with-list",
                    &[
                        INVOKE,
                        List("list-of-responses", "single-response", &[OUTCOME]),
                    ],
                ),
                Alternative(4, "action-response-next-pblock", &[INVOKE, BLOCK_NUMBER]),
            ],
        )],
    ),
    (
        0xD9,
        "access-request",
        &[
            LONG_INVOKE,
            DATE_TIME,
            ACCESS_SPECIFICATIONS_FIELD,
            List("access-request-list-of-data", "data", &[Data("data")]),
        ],
    ),
    (
        0xDA,
        "access-response",
        &[
            LONG_INVOKE,
            DATE_TIME,
            Optional("access-request-specification", ACCESS_SPECIFICATIONS),
            List("access-response-list-of-data", "data", &[Data("data")]),
            List(
                "access-response-specification",
                "result",
                &[Group(
                    "result",
                    &[Choice(
                        "choice",
                        &[
                            Alternative(1, "access-response-get", &[DATA_RESULT]),
                            Alternative(2, "access-response-set", &[DATA_RESULT]),
                            Alternative(3, "access-response-action", &[ACTION_RESULT]),
                        ],
                    )],
                )],
            ),
        ],
    ),
    (
        0xDD,
        "general-ciphering",
        &[
            GENERAL_HEADER,
            Optional(
                "key-info",
                &[Choice(
                    "choice",
                    &[
                        Alternative(0, "identified-key", &[U8("key-id", "key-id")]),
                        Alternative(
                            1,
                            "wrapped-key",
                            &[U8("kek-id", ""), String("key-ciphered-data", "")],
                        ),
                        Alternative(
                            2,
                            "agreed-key",
                            &[
                                String("key-parameters", ""),
                                String("key-ciphered-data", ""),
                            ],
                        ),
                    ],
                )],
            ),
            String("ciphered-content", "ciphered-content"),
        ],
    ),
    (
        0xDF,
        "general-signing",
        &[GENERAL_HEADER, Apdu("content"), String("signature", "")],
    ),
    (
        0xE0,
        "general-block-transfer",
        &[
            U8("block-control", "block-control"),
            U16("block-number", ""),
            U16("block-number-ack", ""),
            String("block-data", "raw-data"),
        ],
    ),
];
const ACCESS_SPECIFICATIONS_FIELD: Field = List(
    "access-request-specification",
    "specification",
    match &ACCESS_SPECIFICATIONS[0] {
        List(_, _, fields) => fields,
        _ => &[],
    },
);

/// Whether an APDU begins with this octet.
pub(super) fn is_tag(tag: u8) -> bool {
    envelope::is_ciphered(tag)
        || acse::is_tag(tag)
        || tag == 0xD8
        || LAYOUTS.iter().any(|(known, ..)| *known == tag)
}

/// An APDU that takes up all of the reader, as a child of the node being made.
pub(super) fn walk_any(notes: &mut Notes, reader: &mut Reader<'_>) {
    let (start, octets) = (reader.offset(), reader.clone().rest());
    let tag = octets.first().copied();
    let layout = LAYOUTS.iter().find(|(known, ..)| Some(*known) == tag);
    let name = layout.map_or_else(|| other_name(tag), |(_, name, _)| *name);
    let walked = notes.node(reader, name, "apdu", |notes, reader| {
        let unknown = reader.error(DecodeErrorKind::UnexpectedApdu);
        match (layout, tag) {
            (Some((_, _, fields)), _) => {
                reader.u8()?;
                walk(fields, notes, reader)?;
            }
            (None, Some(0xD8)) => exception(notes, reader)?,
            (None, Some(tag)) if acse::is_tag(tag) => acse::walk(notes, reader)?,
            (None, Some(tag)) if envelope::is_ciphered(tag) => envelope::walk(notes, reader)?,
            (None, Some(_)) => return Err(unknown),
            (None, None) => return Err(reader.error(DecodeErrorKind::Truncated)),
        }
        reader.finish()
    });
    reader.rest();
    let Some(node) = notes.current().children.last_mut() else {
        return;
    };
    if let (Ok(()), Err(error)) = (walked, judge(octets)) {
        node.error = Some(DecodeError::new(error.kind, start + error.offset));
    }
}

/// What the parsers of this crate say; APDUs that have none are what their layout says.
fn judge(octets: &[u8]) -> Result<(), DecodeError> {
    match octets.first() {
        Some(0x01) => InitiateRequest::parse_all(octets).map(drop),
        Some(0x08) => InitiateResponse::parse_all(octets).map(drop),
        Some(&tag) if Apdu::sender(tag).is_some() => Apdu::parse_all(octets).map(drop),
        Some(&tag) if envelope::is_ciphered(tag) => envelope::judge(octets),
        Some(0xDD | 0xDF) => envelope::judge_general(octets),
        Some(&GeneralBlock::TAG) => GeneralBlock::parse_all(octets).map(drop),
        _ => Ok(()),
    }
}

fn other_name(tag: Option<u8>) -> &'static str {
    match tag {
        Some(0xD8) => "exception-response",
        Some(tag) => acse::name(tag)
            .or_else(|| envelope::name(tag))
            .unwrap_or("unknown"),
        None => "nothing",
    }
}

/// Its counter is there or not by the code before it, and by what is left.
fn exception(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.u8()?;
    walk(&[U8("state-error", "state-error")], notes, reader)?;
    let code = notes.leaf(reader, "service-error", "service-error", |reader| {
        Ok(Value::Unsigned(reader.u8()?.into()))
    })?;
    if code == Value::Unsigned(6) && !reader.is_empty() {
        walk(&[U32("invocation-counter", "")], notes, reader)?;
    }
    Ok(())
}

/// Octets that nothing is known of.
pub(super) fn remainder(notes: &mut Notes, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let left = reader.remaining();
    notes
        .leaf(reader, "not understood", "", |reader| octets(reader, left))
        .map(drop)
}
