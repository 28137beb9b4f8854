"""A WebSocket server that says to each client the numbers from 1 on, each at its time: the same to all.

counter_server.py HOST PORT EVERY_MS [BYTES]. PORT 0 is any free one; the first line that is printed is `listening on
HOST:PORT`. Message k is due k * EVERY_MS after the first client came, and filled up to BYTES.
"""
import asyncio
import sys
import time

import websockets


async def main(host, port, every_s, message_bytes):
    began = None

    async def serve(client, *_):
        nonlocal began
        began = began or time.monotonic()
        number = 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, began + number * every_s - time.monotonic()))
            await client.send(f"message {number} ".ljust(message_bytes, "."))

    async with websockets.serve(serve, host, port, ping_interval=None) as server:
        print(f"listening on {host}:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Future()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000,
                 int(sys.argv[4]) if len(sys.argv) > 4 else 0))
