"""A Frontier module in one file: frontier.module.v1.ModuleService and grpc.health.v1 on 127.0.0.1:$PORT.

The stubs are made once from proto/ (see README.md) into the folder that $FRONTIER_STUBS names, ./stubs when unset.
"""

import os
import signal
import sys
import threading
import uuid
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

sys.path.insert(0, os.environ.get("FRONTIER_STUBS", str(Path(__file__).parent / "stubs")))

from frontier.common.v1 import message_pb2  # noqa: E402
from frontier.module.v1 import module_pb2, module_pb2_grpc  # noqa: E402

from answer import answer, self_assessment  # noqa: E402

MODULE_ID = os.environ.get("FRONTIER_MODULE_ID", "my-module")
DRAIN_SECONDS = 20


def reply(to, **payload):
    """Gives the envelope of a reply: correlated with the query, back to its sender."""
    header = message_pb2.MessageHeader(
        message_id=str(uuid.uuid4()),
        correlation_id=to.header.message_id,
        source=MODULE_ID,
        destination=to.header.source,
        tenant=to.header.tenant,
    )
    return message_pb2.ModuleMessage(header=header, **payload)


class InvalidQuery(ValueError):
    """A message that is no query, or an empty one."""


def replies(message):
    """Gives the token messages of an answer, then the whole answer."""
    query = message.query.query
    if not query.strip():
        raise InvalidQuery("message.payload must be a query with text")
    pieces = []
    for index, text in enumerate(answer(query)):
        pieces.append(text)
        yield reply(message, token=message_pb2.TokenPayload(text=text, index=index))
    whole = message_pb2.AnswerPayload(
        content="".join(pieces),
        finish_reason=message_pb2.FINISH_REASON_STOP,
        self_assessment=self_assessment(query),
    )
    yield reply(message, answer=whole)


def last_reply(message):
    """Gives the whole answer alone."""
    *_, last = replies(message)
    return last


class ModuleService(module_pb2_grpc.ModuleServiceServicer):
    """The contract; proto/frontier/module/v1/module.proto says what each call promises."""

    def Invoke(self, request, context):
        try:
            return module_pb2.InvokeResponse(message=last_reply(request.message))
        except InvalidQuery as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def InvokeStream(self, request, context):
        try:
            for message in replies(request.message):
                if not context.is_active():
                    return  # the caller has gone
                yield module_pb2.InvokeStreamResponse(message=message)
        except InvalidQuery as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def InvokeBatch(self, request, context):
        return module_pb2.InvokeBatchResponse(messages=[self._one(message) for message in request.messages])

    def _one(self, message):
        try:
            return last_reply(message)
        except InvalidQuery as error:
            payload = message_pb2.ErrorPayload(
                code=grpc.StatusCode.INVALID_ARGUMENT.value[0], reason="INVALID_FIELD", message=str(error)
            )
            return reply(message, error=payload)

    def Describe(self, request, context):
        return module_pb2.DescribeResponse(
            name=MODULE_ID, version="0.1.0", max_concurrency=16, streaming=True, batching=True
        )


def main():
    """Serves until SIGTERM, then finishes what is in flight."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    module_pb2_grpc.add_ModuleServiceServicer_to_server(ModuleService(), server)
    status = health.HealthServicer()
    status.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    port = server.add_insecure_port(f"127.0.0.1:{os.environ.get('PORT', '9000')}")
    server.start()
    print(f"serving on 127.0.0.1:{port}", flush=True)

    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    ended.wait()
    status.enter_graceful_shutdown()
    server.stop(grace=DRAIN_SECONDS).wait()


if __name__ == "__main__":
    main()
