#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""badsum INTERFACE MAC COUNT: sends that station UDP packets to 10.9.0.2 port 2000,
each with a wrong checksum."""

import socket
import sys

import packet

interface, mac, count = sys.argv[1:]
packet.ADDRESSES[False] = (bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2)))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
wire.bind((interface, 0))
own = wire.getsockname()[4]
for i in range(int(count)):
    frame = bytearray(packet.build(False, packet.UDP, bytes(100 + i)))
    frame[:12] = bytes.fromhex(mac.replace(":", "")) + own
    frame[-1] ^= 1
    wire.send(frame)
