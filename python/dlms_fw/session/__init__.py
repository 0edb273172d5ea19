"""Sessions: a link and the associations on it, octets in, events and octets out."""
