"""Data and services of `dlms-cosem`: abstract values to octets and back, by its classes."""

import datetime

from dlms_cosem import cosem, dlms_data, enumerations
from dlms_cosem import time as dlms_time
from dlms_cosem.protocol import xdlms
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


_DATA = ("null-data", "boolean", "octet-string", "data", *_NUMBERS)
OPERATIONS = {("encode", kind): _encode_data for kind in _DATA if kind not in ("boolean", "null-data")}
OPERATIONS |= {("decode", kind): _decode_data for kind in _DATA}
OPERATIONS |= {
    ("encode", "moment"): _encode_point,
    ("decode", "moment"): _decode_point,
    ("encode", "length"): _encode_length,
    ("decode", "length"): _decode_length,
}
ENCODERS = {
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
}
DECODERS = {
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
}
