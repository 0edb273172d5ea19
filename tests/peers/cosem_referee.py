"""`dlms-cosem` as a referee of the differential tests: abstract values to octets and back, by its classes.

The abstract values are described in `tests/differential`. What its classes cannot say has no entry here.
"""

import datetime

import fixed_keys
import referee
from dlms_cosem import cosem, dlms_data, enumerations, security
from dlms_cosem import time as dlms_time
from dlms_cosem.protocol import acse, xdlms
from dlms_cosem.protocol.acse.user_information import UserInformation
from dlms_cosem.protocol.xdlms.data_notification import LongInvokeIdAndPriority

# --- Data ---------------------------------------------------------------------------------------------------

_NUMBERS = {
    "double-long": dlms_data.DoubleLongData,
    "double-long-unsigned": dlms_data.DoubleLongUnsignedData,
    "integer": dlms_data.IntegerData,
    "long": dlms_data.LongData,
    "unsigned": dlms_data.UnsignedIntegerData,
    "long-unsigned": dlms_data.UnsignedLongData,
    "long64": dlms_data.Long64Data,
    "long64-unsigned": dlms_data.UnsignedLong64Data,
    "enum": dlms_data.EnumData,
}
_NAMES = {
    **{it: name for name, it in _NUMBERS.items()},
    dlms_data.NullData: "null-data",
    dlms_data.BooleanData: "boolean",
    dlms_data.OctetStringData: "octet-string",
    dlms_data.DataArray: "array",
    dlms_data.DataStructure: "structure",
}


def _to_data(value):
    name, content = value
    if name in _NUMBERS:
        return _NUMBERS[name](content)
    if name == "octet-string":
        return dlms_data.OctetStringData(bytes.fromhex(content))
    if name == "structure":
        return dlms_data.DataStructure([_to_data(member) for member in content])
    if name == "null-data":
        return dlms_data.NullData(None)
    raise NotImplementedError(name)


def _from_data(it):
    name, content = _NAMES[type(it)], it.value
    if name in ("array", "structure"):
        content = [_from_data(member) for member in content]
    elif name == "octet-string":
        content = bytes(content).hex()
    return [name, content]


def _encode_data(value):
    return _to_data(value).to_bytes().hex()


def _decode_octets(octets):
    (it,) = dlms_data.DlmsDataParser().parse(bytes(octets))
    return _from_data(it)


def _decode_data(octets):
    return _decode_octets(bytes.fromhex(octets))


def _encode_point(value):
    moment = datetime.datetime.fromisoformat(value["time"])
    status = dlms_time.ClockStatus.from_bytes(bytes([value["status"]]))
    return dlms_time.datetime_to_bytes(moment, status).hex()


def _decode_point(octets):
    moment, status = dlms_time.datetime_from_bytes(bytes.fromhex(octets))
    return {"time": moment.isoformat(), "status": status.to_bytes()[0]}


def _encode_length(value):
    return dlms_data.encode_variable_integer(value).hex()


def _decode_length(octets):
    length, rest = dlms_data.decode_variable_integer(bytes.fromhex(octets))
    assert not rest
    return length


# --- Services -----------------------------------------------------------------------------------------------


def _invoke(value):
    return xdlms.InvokeIdAndPriority.from_bytes(bytes([value["invoke"]]))


def _invoked(it):
    return it.invoke_id_and_priority.to_bytes()[0]


def _attribute(value):
    class_id, name, number = value
    instance = cosem.Obis.from_bytes(bytes.fromhex(name))
    return cosem.CosemAttribute(enumerations.CosemInterface(class_id), instance, number)


def _method(value):
    class_id, name, number = value
    instance = cosem.Obis.from_bytes(bytes.fromhex(name))
    return cosem.CosemMethod(enumerations.CosemInterface(class_id), instance, number)


def _described(it):
    return [int(it.interface), it.instance.to_bytes().hex(), it.attribute]


def _selection(value):
    if value is None:
        return None
    selector, parameters = value
    octets = bytes([selector]) + _to_parameters(parameters)
    return cosem.selective_access.AccessDescriptorFactory.from_bytes(octets) if octets else None


def _to_parameters(value):
    """Of a selection: its arrays are empty, which `DataArray` cannot write."""
    name, content = value
    if name == "array":
        assert not content
        return b"\x01\x00"
    if name == "structure":
        return bytes([2, len(content)]) + b"".join(_to_parameters(member) for member in content)
    return _to_data(value).to_bytes()


def _selected(it):
    if it is None:
        return None
    octets = it.to_bytes()
    return [octets[0], _decode_octets(octets[1:])]


def _result(value):
    return enumerations.DataAccessResult(value)


def _encode_get_request(value):
    return xdlms.GetRequestNormal(
        _attribute(value["attribute"]), _invoke(value), _selection(value["selection"])
    )


def _decode_get_request(octets):
    it = xdlms.GetRequestFactory.from_bytes(octets)
    return {
        "invoke": _invoked(it),
        "attribute": _described(it.cosem_attribute),
        "selection": _selected(it.access_selection),
    }


def _encode_get_request_list(value):
    items = [
        cosem.CosemAttributeWithSelection(_attribute(attribute), _selection(selection))
        for attribute, selection in value["items"]
    ]
    return xdlms.GetRequestWithList(items, _invoke(value))


def _decode_get_request_list(octets):
    it = xdlms.GetRequestFactory.from_bytes(octets)
    items = [
        [_described(item.attribute), _selected(item.access_selection)]
        for item in it.cosem_attributes_with_selection
    ]
    return {"invoke": _invoked(it), "items": items}


def _decode_get_response(octets):
    it = xdlms.GetResponseFactory.from_bytes(octets)
    return {"invoke": _invoked(it), "data": _decode_octets(it.data)}


def _encode_get_response_error(value):
    return xdlms.GetResponseNormalWithError(_result(value["result"]), _invoke(value))


def _decode_get_response_error(octets):
    it = xdlms.GetResponseFactory.from_bytes(octets)
    return {"invoke": _invoked(it), "result": int(it.error)}


def _encode_get_response_list(value):
    items = [_result(result) if result else _to_data(data) for result, data in value["items"]]
    return xdlms.GetResponseWithList(items, _invoke(value))


def _decode_get_response_list(octets):
    it = xdlms.GetResponseFactory.from_bytes(octets)
    items = [
        [int(item), None] if isinstance(item, enumerations.DataAccessResult) else [0, _from_data(item)]
        for item in it.response_data
    ]
    return {"invoke": _invoked(it), "items": items}


def _encode_set_request(value):
    data = _to_data(value["data"]).to_bytes()
    return xdlms.SetRequestNormal(
        _attribute(value["attribute"]), data, _selection(value["selection"]), _invoke(value)
    )


def _decode_set_request(octets):
    it = xdlms.SetRequestFactory.from_bytes(octets)
    return {
        "invoke": _invoked(it),
        "attribute": _described(it.cosem_attribute),
        "selection": it.access_selection,
        "data": _decode_octets(it.data),
    }


def _encode_set_response(value):
    return xdlms.SetResponseNormal(_result(value["result"]), _invoke(value))


def _decode_set_response(octets):
    it = xdlms.SetResponseFactory.from_bytes(octets)
    return {"invoke": _invoked(it), "result": int(it.result)}


def _encode_action_request(value):
    data = None if value["parameter"] is None else _to_data(value["parameter"]).to_bytes()
    return xdlms.ActionRequestNormal(_method(value["method"]), data, _invoke(value))


def _decode_action_request(octets):
    it = xdlms.ActionRequestFactory.from_bytes(octets)
    method = it.cosem_method
    return {
        "invoke": _invoked(it),
        "method": [int(method.interface), method.instance.to_bytes().hex(), method.method],
        "parameter": None if it.data is None else _decode_octets(it.data),
    }


def _encode_action_response(value):
    result, data, error = value["item"]
    status = enumerations.ActionResultStatus(result)
    if data is not None:
        return xdlms.ActionResponseNormalWithData(status, _to_data(data).to_bytes(), _invoke(value))
    if error is not None:
        return xdlms.ActionResponseNormalWithError(status, _result(error), _invoke(value))
    return xdlms.ActionResponseNormal(status, _invoke(value))


def _decode_action_response(octets):
    it = xdlms.ActionResponseFactory.from_bytes(octets)
    data, error = getattr(it, "data", None), getattr(it, "error", None)
    item = [int(it.status), data and _decode_octets(data), error and int(error)]
    return {"invoke": _invoked(it), "item": item}


def _decode_exception_response(octets):
    it = xdlms.ExceptionResponse.from_bytes(octets)
    return {
        "state": int(it.state_error),
        "service": int(it.service_error),
        "counter": it.invocation_counter_data,
    }


def _encode_exception_response(value):
    return xdlms.ExceptionResponse(
        enumerations.StateException(value["state"]),
        enumerations.ServiceException(value["service"]),
        value["counter"],
    )


def _encode_data_notification(value):
    time = value["time"] and dlms_time.datetime_from_bytes(bytes.fromhex(value["time"]))[0]
    invoke = LongInvokeIdAndPriority.from_bytes(value["invoke"].to_bytes(4, "big"))
    return xdlms.DataNotification(invoke, time or None, _to_data(value["data"]).to_bytes())


def _decode_data_notification(octets):
    it = xdlms.DataNotification.from_bytes(octets)
    time = "" if it.date_time is None else dlms_time.datetime_to_bytes(it.date_time).hex()
    invoke = int.from_bytes(it.long_invoke_id_and_priority.to_bytes(), "big")
    return {"invoke": invoke, "time": time, "data": _decode_octets(it.body)}


# --- Associations -------------------------------------------------------------------------------------------


def _conformance(number):
    return xdlms.Conformance.from_bytes(b"\x00" + number.to_bytes(3, "big"))


def _conforming(it):
    return int.from_bytes(it.to_bytes()[1:], "big")


def _to_initiate_request(value):
    return xdlms.InitiateRequest(
        _conformance(value["conformance"]),
        client_max_receive_pdu_size=value["size"],
        response_allowed=value["response_allowed"],
        dedicated_key=value["dedicated_key"] and bytes.fromhex(value["dedicated_key"]),
    )


def _from_initiate_request(it):
    return {
        "conformance": _conforming(it.proposed_conformance),
        "size": it.client_max_receive_pdu_size,
        "dedicated_key": it.dedicated_key and it.dedicated_key.hex(),
        "response_allowed": bool(it.response_allowed),
    }


def _to_initiate_response(value):
    return xdlms.InitiateResponse(_conformance(value["conformance"]), value["size"])


def _from_initiate_response(it):
    return {
        "conformance": _conforming(it.negotiated_conformance),
        "size": it.server_max_receive_pdu_size,
        "vaa_name": 7,
    }


def _information(value, to_initiate):
    return None if value["initiate"] is None else UserInformation(to_initiate(value["initiate"]))


def _informed(it, from_initiate):
    return None if it.user_information is None else from_initiate(it.user_information.content)


def _secured(value, title="title"):
    mechanism = value["mechanism"]
    return {
        "ciphered": value["context"] == 3,
        "authentication": mechanism and enumerations.AuthenticationMechanism(mechanism),
        "authentication_value": value["value"] if value["value"] is None else bytes.fromhex(value["value"]),
        "system_title": value["title"] and bytes.fromhex(value["title"]),
    }


def _security(it):
    value = it.authentication_value
    return {
        "context": 3 if it.ciphered else 1,
        "mechanism": it.authentication and int(it.authentication),
        "value": None if value is None else bytes(value).hex(),
        "title": it.system_title and it.system_title.hex(),
    }


def _encode_aarq(value):
    user = value["user"]
    return acse.ApplicationAssociationRequest(
        user_information=_information(value, _to_initiate_request),
        calling_ae_invocation_identifier=None if user is None else bytes([2, 1, user]),
        **_secured(value),
    )


def _decode_aarq(octets):
    it = acse.ApplicationAssociationRequest.from_bytes(octets)
    user = it.calling_ae_invocation_identifier
    return _security(it) | {
        "user": user and user[2],
        "initiate": _informed(it, _from_initiate_request),
    }


def _encode_aare(value):
    by_source = {
        1: enumerations.AcseServiceUserDiagnostics,
        2: enumerations.AcseServiceProviderDiagnostics,
    }
    return acse.ApplicationAssociationResponse(
        result=enumerations.AssociationResult(value["result"]),
        result_source_diagnostics=by_source[value["source"]](value["diagnostic"]),
        user_information=_information(value, _to_initiate_response),
        **_secured(value),
    )


def _decode_aare(octets):
    it = acse.ApplicationAssociationResponse.from_bytes(octets)
    by_user = isinstance(it.result_source_diagnostics, enumerations.AcseServiceUserDiagnostics)
    return _security(it) | {
        "result": int(it.result),
        "source": 1 if by_user else 2,
        "diagnostic": int(it.result_source_diagnostics),
        "initiate": _informed(it, _from_initiate_response),
    }


def _released(it, from_initiate):
    reason = None if it.reason is None else int(it.reason)
    return {"reason": reason, "initiate": _informed(it, from_initiate)}


def _encode_rlrq(value):
    reason = value["reason"]
    return acse.ReleaseRequest(
        reason if reason is None else enumerations.ReleaseRequestReason(reason),
        _information(value, _to_initiate_request),
    )


def _encode_rlre(value):
    reason = value["reason"]
    return acse.ReleaseResponse(
        reason if reason is None else enumerations.ReleaseResponseReason(reason),
        _information(value, _to_initiate_response),
    )


# --- Security -----------------------------------------------------------------------------------------------


def _control(value, protection):
    authenticated, encrypted = bool(protection & 0x10), bool(protection & 0x20)
    return security.SecurityControlField(value["suite"], authenticated, encrypted)


def _keys(suite):
    return {"key": fixed_keys.ENCRYPTION_KEYS[suite], "auth_key": fixed_keys.AUTHENTICATION_KEYS[suite]}


def _encode_general_glo(value):
    control = _control(value, value["protection"])
    text = security.encrypt(
        control,
        system_title=fixed_keys.TITLE,
        invocation_counter=value["counter"],
        plain_text=bytes.fromhex(value["apdu"]),
        **_keys(value["suite"]),
    )
    return xdlms.GeneralGlobalCipher(fixed_keys.TITLE, control, value["counter"], text)


def _decode_general_glo(octets):
    it = xdlms.GeneralGlobalCipher.from_bytes(octets)
    control = it.security_control
    suite = control.security_suite
    apdu = it.to_plain_apdu(fixed_keys.ENCRYPTION_KEYS[suite], fixed_keys.AUTHENTICATION_KEYS[suite])
    return {
        "suite": suite,
        "protection": control.authenticated << 4 | control.encrypted << 5,
        "counter": it.invocation_counter,
        "apdu": apdu.hex(),
    }


def _gmac(suite, counter, challenge):
    control = security.SecurityControlField(suite, authenticated=True)
    tag = security.gmac(
        control,
        system_title=fixed_keys.TITLE,
        invocation_counter=counter,
        challenge=challenge,
        **_keys(suite),
    )
    return control.to_bytes() + counter.to_bytes(4, "big") + tag


def _encode_gmac(value):
    proof = _gmac(value["suite"], value["counter"], bytes.fromhex(value["challenge"]))
    return [proof.hex(), value["challenge"]]


def _decode_gmac(octets):
    proof, challenge = map(bytes.fromhex, octets)
    suite, counter = proof[0] & 15, int.from_bytes(proof[1:5], "big")
    assert _gmac(suite, counter, challenge) == proof
    return {"suite": suite, "counter": counter, "challenge": challenge.hex()}


def _encode_key_wrap(value):
    control, kek = _control(value, 0x30), fixed_keys.KEY_ENCRYPTING_KEYS[value["suite"]]
    return [bytes([value["suite"]]).hex(), security.wrap_key(control, kek, bytes.fromhex(value["key"])).hex()]


_ENCODERS = {
    "get-request": _encode_get_request,
    "get-request-list": _encode_get_request_list,
    "get-response-error": _encode_get_response_error,
    "get-response-list": _encode_get_response_list,
    "set-request": _encode_set_request,
    "set-response": _encode_set_response,
    "action-request": _encode_action_request,
    "action-response": _encode_action_response,
    "exception-response": _encode_exception_response,
    "data-notification": _encode_data_notification,
    "initiate-request": _to_initiate_request,
    "initiate-response": _to_initiate_response,
    "aarq": _encode_aarq,
    "aare": _encode_aare,
    "rlrq": _encode_rlrq,
    "rlre": _encode_rlre,
    "general-glo": _encode_general_glo,
}
_DECODERS = {
    "get-request": _decode_get_request,
    "get-request-list": _decode_get_request_list,
    "get-response": _decode_get_response,
    "get-response-error": _decode_get_response_error,
    "get-response-list": _decode_get_response_list,
    "set-request": _decode_set_request,
    "set-response": _decode_set_response,
    "action-request": _decode_action_request,
    "action-response": _decode_action_response,
    "exception-response": _decode_exception_response,
    "data-notification": _decode_data_notification,
    "initiate-request": lambda octets: _from_initiate_request(xdlms.InitiateRequest.from_bytes(octets)),
    "initiate-response": lambda octets: _from_initiate_response(xdlms.InitiateResponse.from_bytes(octets)),
    "aarq": _decode_aarq,
    "general-glo": _decode_general_glo,
    "aare": _decode_aare,
    "rlrq": lambda octets: _released(acse.ReleaseRequest.from_bytes(octets), _from_initiate_request),
    "rlre": lambda octets: _released(acse.ReleaseResponse.from_bytes(octets), _from_initiate_response),
}
_DATA = ("null-data", "boolean", "octet-string", "data", *_NUMBERS)


def main() -> None:
    """Run as a process of its own."""
    operations = {("encode", kind): _encode_data for kind in _DATA if kind not in ("boolean", "null-data")}
    operations |= {("decode", kind): _decode_data for kind in _DATA}
    for kind, encode in _ENCODERS.items():
        operations["encode", kind] = lambda value, encode=encode: bytes(encode(value).to_bytes()).hex()
    for kind, decode in _DECODERS.items():
        operations["decode", kind] = lambda octets, decode=decode: decode(bytes.fromhex(octets))
    operations["encode", "moment"] = _encode_point
    operations["decode", "moment"] = _decode_point
    operations["encode", "length"] = _encode_length
    operations["decode", "length"] = _decode_length
    operations |= {
        ("encode", "gmac"): _encode_gmac,
        ("decode", "gmac"): _decode_gmac,
        ("encode", "key-wrap"): _encode_key_wrap,
    }
    referee.serve(operations)


if __name__ == "__main__":
    main()
