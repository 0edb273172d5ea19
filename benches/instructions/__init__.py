"""How many instructions the hot functions of the core take, held against counts that are checked in.

A count does not depend on how busy the machine is, so a change of a per cent is a change of the code. It does
depend on the compiler, the C library and what the processor can do; all that is stored with the counts.
"""
