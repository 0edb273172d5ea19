//! APDUs by chance: every form of every one.

use dlms_fw_core::acse::aare::{AssociationResponse, ResultSourceDiagnostic};
use dlms_fw_core::acse::aarq::AssociationRequest;
use dlms_fw_core::acse::entity::ApplicationEntity;
use dlms_fw_core::acse::release::ReleaseRequest;
use dlms_fw_core::acse::{Authentication, AuthenticationValue};
use dlms_fw_core::apdu::Apdu;
use dlms_fw_core::axdr::RawData;
use dlms_fw_core::xdlms::access::{
    AccessItem, AccessOutcome, AccessRequest, AccessResponse, AccessResult, AccessSpecification,
};
use dlms_fw_core::xdlms::action::{
    ActionItem, ActionOutcome, ActionRequest, ActionRequestForm, ActionResponse, ActionResponseForm,
};
use dlms_fw_core::xdlms::datablock::DataBlock;
use dlms_fw_core::xdlms::descriptor::{
    AttributeDescriptor, AttributeSelection, LogicalName, MethodDescriptor, SelectiveAccess,
};
use dlms_fw_core::xdlms::general_block::GeneralBlock;
use dlms_fw_core::xdlms::get::{
    GetDataBlock, GetRequest, GetRequestForm, GetResponse, GetResponseForm,
};
use dlms_fw_core::xdlms::invoke::{InvokeIdAndPriority, LongInvokeIdAndPriority};
use dlms_fw_core::xdlms::notification::{
    DataNotification, DataNotificationConfirm, EventNotification, OptionalDateTime,
};
use dlms_fw_core::xdlms::result::GetDataResult;
use dlms_fw_core::xdlms::sequence_of::SequenceOf;
use dlms_fw_core::xdlms::set::{SetItem, SetRequest, SetRequestForm, SetResponse, SetResponseForm};
use dlms_fw_core::xdlms::short_name::ShortNameBlock;
use dlms_fw_core::xdlms::short_name::access::VariableAccess;
use dlms_fw_core::xdlms::short_name::read::{ReadRequest, ReadResponse, ReadResult};
use dlms_fw_core::xdlms::short_name::report::InformationReport;
use dlms_fw_core::xdlms::short_name::write::{
    UnconfirmedWriteRequest, WriteRequest, WriteResponse, WriteResult,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Octets that live as long as the test run; a few kilobytes in all.
pub(crate) fn octets(size: usize) -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..size).prop_map(|octets| &*octets.leak())
}

/// One A-XDR value: null-data, an enum, an octet-string, or a structure of two of these.
fn data() -> impl Strategy<Value = RawData<'static>> {
    let leaf = prop_oneof![
        Just(vec![0x00]),
        any::<u8>().prop_map(|code| vec![0x16, code]),
        vec(any::<u8>(), 0..200).prop_map(|octets| {
            let length = u8::try_from(octets.len()).expect("less than 200");
            let header = if length < 0x80 {
                vec![0x09, length]
            } else {
                vec![0x09, 0x81, length]
            };
            [header, octets].concat()
        }),
    ];
    prop_oneof![
        leaf.clone(),
        (leaf.clone(), leaf).prop_map(|(a, b)| [vec![2, 2], a, b].concat())
    ]
    .prop_map(|octets| RawData::trusted(octets.leak()))
}

fn attribute() -> impl Strategy<Value = AttributeDescriptor> {
    (any::<u16>(), any::<[u8; 6]>(), any::<i8>()).prop_map(|(class_id, name, attribute_id)| {
        AttributeDescriptor {
            class_id,
            logical_name: LogicalName(name),
            attribute_id,
        }
    })
}

fn method() -> impl Strategy<Value = MethodDescriptor> {
    (any::<u16>(), any::<[u8; 6]>(), any::<i8>()).prop_map(|(class_id, name, method_id)| {
        MethodDescriptor {
            class_id,
            logical_name: LogicalName(name),
            method_id,
        }
    })
}

fn selection() -> impl Strategy<Value = AttributeSelection<'static>> {
    let access =
        (any::<u8>(), data()).prop_map(|(access_selector, access_parameters)| SelectiveAccess {
            access_selector,
            access_parameters,
        });
    (attribute(), option::of(access)).prop_map(|(attribute, access_selection)| AttributeSelection {
        attribute,
        access_selection,
    })
}

fn block() -> impl Strategy<Value = DataBlock<'static>> {
    (any::<bool>(), any::<u32>(), octets(300)).prop_map(|(last_block, block_number, raw_data)| {
        DataBlock {
            last_block,
            block_number,
            raw_data,
        }
    })
}

/// A list of up to 200 elements, so that both forms of the count occur.
fn list<T: core::fmt::Debug>(
    element: impl Strategy<Value = T>,
) -> impl Strategy<Value = SequenceOf<T>> {
    prop_oneof![9 => 0..5_usize, 1 => 128..200_usize]
        .prop_flat_map({
            let element = std::sync::Arc::new(element);
            move |count| vec(element.clone(), count)
        })
        .prop_map(SequenceOf)
}

fn get_result() -> impl Strategy<Value = GetDataResult<'static>> {
    prop_oneof![
        data().prop_map(GetDataResult::Data),
        (1..=u8::MAX).prop_map(|code| GetDataResult::DataAccessResult(code.into())),
    ]
}

fn outcome() -> impl Strategy<Value = ActionOutcome<'static>> {
    (any::<u8>(), option::of(get_result())).prop_map(|(result, return_parameters)| ActionOutcome {
        result: result.into(),
        return_parameters,
    })
}

fn invoke() -> impl Strategy<Value = InvokeIdAndPriority> {
    any::<u8>().prop_map(InvokeIdAndPriority)
}

fn get_request() -> impl Strategy<Value = Apdu<'static>> {
    let form = prop_oneof![
        selection().prop_map(GetRequestForm::Normal),
        any::<u32>().prop_map(|block_number| GetRequestForm::Next { block_number }),
        list(selection()).prop_map(GetRequestForm::WithList),
    ];
    (invoke(), form).prop_map(|(invoke_id_and_priority, form)| {
        GetRequest {
            invoke_id_and_priority,
            form,
        }
        .into()
    })
}

fn get_response() -> impl Strategy<Value = Apdu<'static>> {
    let result = prop_oneof![
        octets(300).prop_map(Ok),
        (1..=u8::MAX).prop_map(|code| Err(code.into()))
    ];
    let datablock =
        (any::<bool>(), any::<u32>(), result).prop_map(|(last_block, block_number, result)| {
            GetDataBlock {
                last_block,
                block_number,
                result,
            }
        });
    let form = prop_oneof![
        get_result().prop_map(GetResponseForm::Normal),
        datablock.prop_map(GetResponseForm::WithDatablock),
        list(get_result()).prop_map(GetResponseForm::WithList),
    ];
    (invoke(), form).prop_map(|(invoke_id_and_priority, form)| {
        GetResponse {
            invoke_id_and_priority,
            form,
        }
        .into()
    })
}

fn set_request() -> impl Strategy<Value = Apdu<'static>> {
    let item = || (selection(), data()).prop_map(|(attribute, data)| SetItem { attribute, data });
    let form = prop_oneof![
        item().prop_map(SetRequestForm::Normal),
        (selection(), block()).prop_map(|(attribute, datablock)| {
            SetRequestForm::WithFirstDatablock {
                attribute,
                datablock,
            }
        }),
        block().prop_map(SetRequestForm::WithDatablock),
        list(item()).prop_map(|items| SetRequestForm::WithList(items.0)),
        (list(selection()), block()).prop_map(|(attributes, datablock)| {
            SetRequestForm::WithListAndFirstDatablock {
                attributes,
                datablock,
            }
        }),
    ];
    (invoke(), form).prop_map(|(invoke_id_and_priority, form)| {
        SetRequest {
            invoke_id_and_priority,
            form,
        }
        .into()
    })
}

fn set_response() -> impl Strategy<Value = Apdu<'static>> {
    let results = || list(any::<u8>().prop_map(Into::into));
    let form = prop_oneof![
        any::<u8>().prop_map(|code| SetResponseForm::Normal(code.into())),
        any::<u32>().prop_map(|block_number| SetResponseForm::Datablock { block_number }),
        (any::<u8>(), any::<u32>()).prop_map(|(code, block_number)| {
            SetResponseForm::LastDatablock {
                result: code.into(),
                block_number,
            }
        }),
        (results(), any::<u32>()).prop_map(|(results, block_number)| {
            SetResponseForm::LastDatablockWithList {
                results,
                block_number,
            }
        }),
        results().prop_map(SetResponseForm::WithList),
    ];
    (invoke(), form).prop_map(|(invoke_id_and_priority, form)| {
        SetResponse {
            invoke_id_and_priority,
            form,
        }
        .into()
    })
}

fn action_request() -> impl Strategy<Value = Apdu<'static>> {
    let item = (method(), data()).prop_map(|(method, parameter)| ActionItem { method, parameter });
    let form = prop_oneof![
        (method(), option::of(data()))
            .prop_map(|(method, parameter)| ActionRequestForm::Normal { method, parameter }),
        any::<u32>().prop_map(|block_number| ActionRequestForm::NextPblock { block_number }),
        list(item).prop_map(|items| ActionRequestForm::WithList(items.0)),
        (method(), block())
            .prop_map(|(method, pblock)| ActionRequestForm::WithFirstPblock { method, pblock }),
        (list(method()), block()).prop_map(|(methods, pblock)| {
            ActionRequestForm::WithListAndFirstPblock { methods, pblock }
        }),
        block().prop_map(ActionRequestForm::WithPblock),
    ];
    (invoke(), form).prop_map(|(invoke_id_and_priority, form)| {
        ActionRequest {
            invoke_id_and_priority,
            form,
        }
        .into()
    })
}

fn action_response() -> impl Strategy<Value = Apdu<'static>> {
    let form = prop_oneof![
        outcome().prop_map(ActionResponseForm::Normal),
        block().prop_map(ActionResponseForm::WithPblock),
        list(outcome()).prop_map(ActionResponseForm::WithList),
        any::<u32>().prop_map(|block_number| ActionResponseForm::NextPblock { block_number }),
    ];
    (invoke(), form).prop_map(|(invoke_id_and_priority, form)| {
        ActionResponse {
            invoke_id_and_priority,
            form,
        }
        .into()
    })
}

fn notification() -> impl Strategy<Value = Apdu<'static>> {
    // No date-time begins with 0C, see the event-notification.
    let time =
        || option::of(any::<[u8; 12]>().prop_filter("a year before 3072", |time| time[0] != 0x0C));
    prop_oneof![
        (time(), attribute(), data()).prop_map(|(time, attribute, data)| EventNotification {
            time,
            attribute,
            data
        }
        .into()),
        (any::<u32>(), time(), data()).prop_map(|(invoke, date_time, notification_body)| {
            let long_invoke_id_and_priority = LongInvokeIdAndPriority(invoke);
            DataNotification {
                long_invoke_id_and_priority,
                date_time: OptionalDateTime(date_time),
                notification_body,
            }
            .into()
        }),
    ]
}

fn access() -> impl Strategy<Value = Apdu<'static>> {
    let selection = || {
        (any::<u8>(), data()).prop_map(|(access_selector, access_parameters)| SelectiveAccess {
            access_selector,
            access_parameters,
        })
    };
    let specification = move || {
        prop_oneof![
            attribute().prop_map(AccessSpecification::Get),
            attribute().prop_map(AccessSpecification::Set),
            method().prop_map(AccessSpecification::Action),
            (attribute(), selection()).prop_map(|(attribute, part)| {
                AccessSpecification::GetWithSelection(attribute, part)
            }),
            (attribute(), selection()).prop_map(|(attribute, part)| {
                AccessSpecification::SetWithSelection(attribute, part)
            }),
        ]
    };
    let head = || {
        (any::<u32>(), option::of(any::<[u8; 12]>())).prop_map(|(invoke, date_time)| {
            (LongInvokeIdAndPriority(invoke), OptionalDateTime(date_time))
        })
    };
    let item = (specification(), data()).prop_map(|(specification, data)| AccessItem {
        specification,
        data,
    });
    let result = (0..3, any::<u8>()).prop_map(|(service, code)| match service {
        0 => AccessResult::Get(code.into()),
        1 => AccessResult::Set(code.into()),
        _ => AccessResult::Action(code.into()),
    });
    let outcome = (result, data()).prop_map(|(result, data)| AccessOutcome { result, data });
    prop_oneof![
        (head(), list(item)).prop_map(|((long_invoke_id_and_priority, date_time), items)| {
            AccessRequest {
                long_invoke_id_and_priority,
                date_time,
                items: items.0,
            }
            .into()
        }),
        (head(), option::of(list(specification())), list(outcome)).prop_map(
            |((long_invoke_id_and_priority, date_time), specifications, outcomes)| {
                AccessResponse {
                    long_invoke_id_and_priority,
                    date_time,
                    specifications,
                    outcomes: outcomes.0,
                }
                .into()
            }
        ),
        head().prop_map(|(long_invoke_id_and_priority, date_time)| {
            DataNotificationConfirm {
                long_invoke_id_and_priority,
                date_time,
            }
            .into()
        }),
    ]
}

fn acse() -> impl Strategy<Value = Apdu<'static>> {
    let some = || option::of(octets(200));
    let authentication = || {
        (any::<bool>(), option::of(any::<u8>()), some(), 0..4_u8).prop_map(
            |(requested, mechanism, value, choice)| Authentication {
                requested,
                mechanism,
                value: value.and_then(|contents| AuthenticationValue::new(choice, contents)),
            },
        )
    };
    let entity = || {
        (
            some(),
            some(),
            option::of(any::<i32>()),
            option::of(any::<i32>()),
        )
            .prop_map(
                |(ap_title, ae_qualifier, ap_invocation_id, ae_invocation_id)| ApplicationEntity {
                    ap_title,
                    ae_qualifier,
                    ap_invocation_id,
                    ae_invocation_id,
                },
            )
    };
    let request = (
        any::<(Option<u8>, u8)>(),
        entity(),
        entity(),
        authentication(),
        some(),
        some(),
    )
        .prop_map(
            |(
                (protocol_version, application_context),
                called,
                calling,
                authentication,
                implementation_information,
                user_information,
            )| {
                AssociationRequest {
                    protocol_version,
                    application_context,
                    called,
                    calling,
                    authentication,
                    implementation_information,
                    user_information,
                }
                .into()
            },
        );
    let response = (
        any::<(Option<u8>, u8, u8, bool, u8)>(),
        entity(),
        authentication(),
        some(),
        some(),
    )
        .prop_map(
            |(
                (protocol_version, application_context, result, user, diagnostic),
                responding,
                authentication,
                implementation_information,
                user_information,
            )| {
                AssociationResponse {
                    protocol_version,
                    application_context,
                    result: result.into(),
                    diagnostic: if user {
                        ResultSourceDiagnostic::ServiceUser(diagnostic)
                    } else {
                        ResultSourceDiagnostic::ServiceProvider(diagnostic)
                    },
                    responding,
                    authentication,
                    implementation_information,
                    user_information,
                }
                .into()
            },
        );
    let release = (option::of(any::<u8>()), some()).prop_map(|(reason, user_information)| {
        ReleaseRequest {
            reason,
            user_information,
        }
        .into()
    });
    prop_oneof![request, response, release]
}

fn short_name_block() -> impl Strategy<Value = ShortNameBlock<'static>> {
    (any::<bool>(), any::<u16>(), octets(300)).prop_map(|(last_block, block_number, raw_data)| {
        ShortNameBlock {
            last_block,
            block_number,
            raw_data,
        }
    })
}

fn variable() -> impl Strategy<Value = VariableAccess<'static>> {
    prop_oneof![
        any::<u16>().prop_map(VariableAccess::Name),
        (any::<u16>(), any::<u8>(), data()).prop_map(|(variable_name, selector, parameter)| {
            VariableAccess::Parameterised {
                variable_name,
                selector,
                parameter,
            }
        }),
        any::<u16>().prop_map(VariableAccess::BlockNumber),
        short_name_block().prop_map(VariableAccess::ReadDataBlock),
        (any::<bool>(), any::<u16>()).prop_map(|(last_block, block_number)| {
            VariableAccess::WriteDataBlock {
                last_block,
                block_number,
            }
        }),
    ]
}

/// As many values as variables.
fn written() -> impl Strategy<
    Value = (
        SequenceOf<VariableAccess<'static>>,
        SequenceOf<RawData<'static>>,
    ),
> {
    list((variable(), data())).prop_map(|pairs| {
        let (variables, data) = pairs.0.into_iter().unzip();
        (SequenceOf(variables), SequenceOf(data))
    })
}

fn short_names() -> impl Strategy<Value = Apdu<'static>> {
    let read_result = prop_oneof![
        data().prop_map(ReadResult::Data),
        (1..=u8::MAX).prop_map(|error| ReadResult::DataAccessError(error.into())),
        short_name_block().prop_map(ReadResult::DataBlock),
        any::<u16>().prop_map(ReadResult::BlockNumber),
    ];
    let write_result = prop_oneof![
        Just(WriteResult::Success),
        (1..=u8::MAX).prop_map(|error| WriteResult::DataAccessError(error.into())),
        any::<u16>().prop_map(WriteResult::BlockNumber),
    ];
    prop_oneof![
        list(variable()).prop_map(|variables| ReadRequest(variables).into()),
        list(read_result).prop_map(|results| ReadResponse(results).into()),
        written().prop_map(|(variables, data)| WriteRequest { variables, data }.into()),
        written().prop_map(|(variables, data)| UnconfirmedWriteRequest { variables, data }.into()),
        list(write_result).prop_map(|results| WriteResponse(results).into()),
        (written(), option::of(octets(20))).prop_map(|((variables, data), current_time)| {
            InformationReport {
                current_time,
                variables,
                data,
            }
            .into()
        }),
    ]
}

/// Any APDU that travels in one piece.
pub(crate) fn apdu() -> impl Strategy<Value = Apdu<'static>> {
    prop_oneof![
        get_request(),
        get_response(),
        set_request(),
        set_response(),
        action_request(),
        action_response(),
        notification(),
        short_names(),
        access(),
        acse(),
    ]
}

/// A general block with any control and any numbers; one without a number has no data.
pub(crate) fn general_block() -> impl Strategy<Value = GeneralBlock<'static>> {
    (
        any::<(bool, bool)>(),
        0..=GeneralBlock::MAX_WINDOW,
        any::<(u16, u16)>(),
        octets(400),
    )
        .prop_map(
            |((last_block, streaming), window, (block_number, block_number_ack), block_data)| {
                GeneralBlock {
                    last_block,
                    streaming,
                    window,
                    block_number,
                    block_number_ack,
                    block_data: if block_number == 0 { &[] } else { block_data },
                }
            },
        )
}
