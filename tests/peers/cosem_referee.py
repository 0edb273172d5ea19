"""`dlms-cosem` as a referee of the differential tests: abstract values to octets and back, by its classes.

The abstract values are described in `tests/differential`. What its classes cannot say has no entry here;
data and services are in `cosem_services`.
"""

import cosem_links
import fixed_keys
import referee
from cosem_services import DECODERS, ENCODERS, OPERATIONS
from dlms_cosem import enumerations, security
from dlms_cosem.protocol import acse, xdlms
from dlms_cosem.protocol.acse.user_information import UserInformation

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
    "initiate-request": _to_initiate_request,
    "initiate-response": _to_initiate_response,
    "aarq": _encode_aarq,
    "aare": _encode_aare,
    "rlrq": _encode_rlrq,
    "rlre": _encode_rlre,
    "general-glo": _encode_general_glo,
}
_DECODERS = {
    "initiate-request": lambda octets: _from_initiate_request(xdlms.InitiateRequest.from_bytes(octets)),
    "initiate-response": lambda octets: _from_initiate_response(xdlms.InitiateResponse.from_bytes(octets)),
    "aarq": _decode_aarq,
    "general-glo": _decode_general_glo,
    "aare": _decode_aare,
    "rlrq": lambda octets: _released(acse.ReleaseRequest.from_bytes(octets), _from_initiate_request),
    "rlre": lambda octets: _released(acse.ReleaseResponse.from_bytes(octets), _from_initiate_response),
}


def main() -> None:
    """Run as a process of its own."""
    operations = OPERATIONS | cosem_links.OPERATIONS
    for kind, encode in (ENCODERS | _ENCODERS).items():
        operations["encode", kind] = lambda value, encode=encode: bytes(encode(value).to_bytes()).hex()
    for kind, decode in (DECODERS | _DECODERS).items():
        operations["decode", kind] = lambda octets, decode=decode: decode(bytes.fromhex(octets))
    operations |= {
        ("encode", "gmac"): _encode_gmac,
        ("decode", "gmac"): _decode_gmac,
        ("encode", "key-wrap"): _encode_key_wrap,
    }
    referee.serve(operations)


if __name__ == "__main__":
    main()
