#!/usr/bin/python3
"""An echo server on Debian's python3-websockets: a peer that this project did not write.

Prints `listening on 127.0.0.1:PORT` as its first line; SIGTERM or SIGINT ends it with status 0.
Run it with /usr/bin/python3: another Python may lack the package.
"""
import argparse
import asyncio
import signal
import ssl

import websockets


async def echo(connection, path=None):
    try:
        async for message in connection:
            await connection.send(message)
    except websockets.ConnectionClosed:
        pass


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1; 0: any free one")
    parser.add_argument("--subprotocol", action="append", help="understood subprotocol; may be repeated")
    parser.add_argument("--compression", action="store_true", help="accept permessage-deflate")
    parser.add_argument("--certificate", help="PEM file; with --key: serve wss")
    parser.add_argument("--key", help="PEM file")
    return parser.parse_args()


def make_tls(arguments):
    if not arguments.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.key)
    return context


async def main():
    arguments = parse_arguments()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with websockets.serve(echo, "127.0.0.1", arguments.port, subprotocols=arguments.subprotocol,
                                ssl=make_tls(arguments), max_size=4 << 20,
                                compression="deflate" if arguments.compression else None) as server:
        print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await ended.wait()


asyncio.run(main())
