"""A WebSocket server that says to each client the numbers from 1 on, each at its time: the same to all.

counter_server.py HOST PORT EVERY_MS. Message k is due k * EVERY_MS after the first client came.
"""
import asyncio
import sys
import time

import websockets


async def main(host, port, every_s):
    began = None

    async def serve(client, *_):
        nonlocal began
        began = began or time.monotonic()
        number = 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, began + number * every_s - time.monotonic()))
            await client.send(f"message {number}")

    async with websockets.serve(serve, host, port, ping_interval=None):
        await asyncio.Future()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000))
