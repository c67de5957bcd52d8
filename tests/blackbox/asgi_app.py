"""A small ASGI application for uvicorn: shows what it received, streams, echoes WebSocket messages."""

import asyncio
import hashlib
import json


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await echo(scope, receive, send)
    elif scope["path"].endswith("/stream"):
        await stream(send)
    else:
        await show(scope, receive, send)


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def show(scope, receive, send):
    digest, size, more = hashlib.sha256(), 0, True
    while more:
        message = await receive()
        digest.update(message.get("body", b""))
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = json.dumps({
        "method": scope["method"], "target": scope["raw_path"].decode(), "query": scope["query_string"].decode(),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "sha256": digest.hexdigest(), "size": size,
    }).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


async def stream(send):
    """Server-sent events, one every 100 ms."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for number in range(5):
        await send({"type": "http.response.body", "body": f"data: {number}\n\n".encode(), "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b""})


async def echo(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    user = dict(scope["headers"]).get(b"x-forwarded-user", b"nobody").decode("latin-1")
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": f"{user}: {message['text']}"})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
