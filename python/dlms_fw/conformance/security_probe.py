"""Says wrongly protected things to a meter, and looks whether it has acted on any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from dlms_fw.conformance.site import Site
from dlms_fw.conformance.verdicts import Failed, Inconclusive, expect
from dlms_fw.conformance.wire.apdus import (
    action_result,
    data_access_result,
    get,
    is_exception,
    name_of,
    set_,
    value_in,
)
from dlms_fw.conformance.wire.association import HandMade
from dlms_fw.conformance.wire.protection import Sealed, Sealing
from dlms_fw.errors import DlmsError

_INVOCATION_COUNTER_ERROR: Final = 6


def fresh_counter(association: HandMade) -> int:
    """The next invocation counter of ours; the session does not use it any more."""
    sealed = Sealed.decode(association.session.protect(b"\xc0\x01\xc1"))
    if sealed is None:
        raise Inconclusive("the messages of this association are not protected")
    return sealed.counter


def spare_counter(site: Site, role: str = "management") -> int:
    """An invocation counter of ours that is above all that were used, outside of any association."""
    context = site.session(role).context
    if context is None:
        raise Inconclusive(f"the client {role} has no keys")
    return context.invocation_counter


def sealing_of(association: HandMade) -> Sealing:
    """How the messages of an association are protected."""
    return Sealing.of(association.session.profile)


def is_refusal(association: HandMade, answer: bytes | None) -> bool:
    """Whether an answer, as it came, says no: silence, an exception, or a result that is no success."""
    if answer is None or is_exception(answer):
        return True
    try:
        plain = association.session.unprotect(answer)
    except DlmsError:
        return False
    return has_failed(plain)


def has_failed(plain: bytes | None) -> bool:
    """Whether a plain answer is an exception, silence, or has a result other than success."""
    if plain is None or is_exception(plain):
        return True
    result = data_access_result(plain)
    result = action_result(plain) if result is None else result
    return result is not None and result != 0


class Probe:
    """An association, and a request that would be seen if it were done: a SET where one may be written.

    Args:
        site: The meter.
        role: Who asks.
        changes: Of the client's profile.

    Attributes:
        association: The one in use; another one after the meter has ended the first.
        apdu: The request, plain.
    """

    def __init__(self, site: Site, role: str = "management", **changes: Any) -> None:
        self.site = site
        self._role = role
        self._changes = changes
        self.association = site.associate(role, **changes)
        declared, other = site.declaration.writable, site.declaration.other_value
        self._name = site.declaration.readable if declared is None or other is None else declared
        self.value = value_in(self.association.request(get(self._name)))
        if declared is None or other is None or other == self.value:
            self.apdu = get(self._name)
        else:
            self.apdu = set_(declared, other)
            site.put_back(f"the value of {declared}", self._put_back)

    @property
    def back(self) -> bytes:
        """The request that undoes the other one."""
        return set_(self._name, self.value) if self.apdu[0] == 0xC1 else self.apdu

    def seal(self, apdu: bytes | None = None, **wrong: Any) -> bytes:
        """The request, or another one, protected by hand with a fresh counter; ``wrong`` is of the Sealing.

        ``counter``, ``title_shown`` and ``tag`` are of :meth:`Sealing.seal`.
        """
        counter = wrong.pop("counter", None)
        how = {name: wrong.pop(name) for name in ("title_shown", "tag") if name in wrong}
        sealing = replace(sealing_of(self.association), **wrong)
        number = fresh_counter(self.association) if counter is None else counter
        return sealing.seal(self.apdu if apdu is None else apdu, number, **how)

    def say(self, octets: bytes) -> bytes | None:
        """Send octets as they are and give what comes, as it comes."""
        self.association.line.say(octets)
        return self.association.line.hear()

    def refuses(self, what: str, octets: bytes, *, noted: bool = True) -> bytes | None:
        """Raises Failed where the meter does what stands in octets that it must refuse; gives its answer."""
        answer = self.say(octets)
        if noted:
            self.site.step(f"{what}: {name_of(answer)}")
        expect(is_refusal(self.association, answer), f"no success to {what}", name_of(answer))
        return answer

    def is_untouched(self, what: str) -> None:
        """Raises Failed where something has been done after all."""
        now = value_in(self._ask(get(self._name)))
        expect(now == self.value, f"{self._name} unchanged after {what}", "another value")

    def takes(self, what: str, octets: bytes) -> bytes:
        """Raises Failed where the meter does not do what is protected as it should be; the plain answer."""
        answer = self.say(octets)
        if answer is None or is_exception(answer):
            raise Failed(f"an answer to {what}", name_of(answer))
        plain = self.association.session.unprotect(answer)
        expect(not has_failed(plain), f"success to {what}", name_of(plain))
        return plain

    def again(self) -> None:
        """Associate anew; after a restart a client first learns which of our counters the meter accepts."""
        try:
            self.association = self.site.associate(self._role, **self._changes)
        except Inconclusive:
            with self.site.client(self._role, **self._changes):
                pass
            self.association = self.site.associate(self._role, **self._changes)

    def _ask(self, apdu: bytes) -> bytes | None:
        """An ordinary request; where the meter has ended the association, in another one."""
        try:
            answer = self.association.request(apdu)
        except DlmsError as error:
            self.site.step(f"the association is of no use any more: {error}")
            answer = None
        if answer is None or is_exception(answer):
            self.again()
            answer = self.association.request(apdu)
        return answer

    def _put_back(self) -> None:
        if value_in(self._ask(get(self._name))) != self.value:
            answer = self._ask(self.back)
            if data_access_result(answer) != 0:
                raise Inconclusive(f"the old value could not be written: {name_of(answer)}")


def expected_counter(answer: bytes | None) -> int | None:
    """The invocation counter that an exception-response asks for, where it is about that."""
    if answer is None or answer[:1] != b"\xd8" or len(answer) != 7 or answer[2] != _INVOCATION_COUNTER_ERROR:
        return None
    return int.from_bytes(answer[3:], "big")
