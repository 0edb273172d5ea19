"""Sessions: a link and the associations on it, octets in, events and octets out.

The client's side is ``client`` (commands, octets), over ``client_association`` (what the meter's messages
do), ``client_keys``, ``passes`` and ``aare``. The meter's side is ``server`` (octets, requests), over
``server_client`` (who is known, and how it is associated), ``server_associations`` (AARQ, pass 3, RLRQ),
``server_passes``, ``acceptance`` and ``events``. Both obey ``states``, and share ``requests``, ``negotiated``
and ``short_names``.
"""
