"""Passes 3 and 4 of high level security in a meter's words: a method of its association, or its short name.

How a proof is made and checked is the mechanism's matter. Nothing is sent from here.
"""

from __future__ import annotations

from dlms_fw._core import ActionRequest, ActionResponse, ReadRequest, ReadResponse
from dlms_fw.enums import ActionResult
from dlms_fw.hls import REPLY_TO_HLS
from dlms_fw.session.requests import Request, Response
from dlms_fw.session.short_names import reply_to_hls

_PASS_3 = reply_to_hls(b"").variables[0]


def proof_in(request: Request) -> bytes | None:
    """The encoded proof of pass 3, or ``None`` where a request is something else."""
    if isinstance(request, ActionRequest):
        target = (request.class_id, request.logical_name, request.method_id)
        if target == REPLY_TO_HLS:
            return request.parameter if isinstance(request.parameter, bytes) else b""
    elif isinstance(request, ReadRequest) and len(request.variables) == 1:
        (variable,) = request.variables
        if isinstance(variable, tuple) and isinstance(_PASS_3, tuple) and variable[0] == _PASS_3[0]:
            return variable[2]
    return None


def pass_4(request: Request, proof: bytes | None) -> Response:
    """Our own proof, in the form that answers pass 3, or the refusal of theirs."""
    result = ActionResult.OTHER_REASON if proof is None else 0
    if isinstance(request, ActionRequest):
        return ActionResponse(result, proof, invoke_id_and_priority=request.invoke_id_and_priority or 0)
    return ReadResponse([int(result) if proof is None else proof])
