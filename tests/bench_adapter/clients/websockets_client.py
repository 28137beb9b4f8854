"""websockets_client.py URL: Python's websockets. Measures as rate_meter.h does."""
import asyncio
import os
import sys
import time

import websockets

WARM_UP = 0.3
MEASURE = 1.0


async def receive(url):
    started = begin = None
    messages = before = 0
    async with websockets.connect(url, compression=None, max_size=None) as socket:
        async for _ in socket:
            messages += 1
            if messages % 64 != 1:
                continue
            now = time.monotonic()
            started = started or now
            if begin is None or now - started < WARM_UP:
                begin, before = now, messages
            elif now - begin >= MEASURE:
                print(round((messages - before) / (now - begin)), flush=True)
                # The source never answers a Close frame.
                os._exit(0)


asyncio.run(receive(sys.argv[1]))
