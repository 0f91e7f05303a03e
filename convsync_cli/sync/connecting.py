"""Why a connection failed, in words that hold no address."""

import socket
import ssl
from collections.abc import Iterator


def reason(error: BaseException) -> str:
    """What lies behind an HTTP client's error; what is not known is told by its kind."""
    for each in _causes(error):
        match each:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not valid: {each.verify_message}"
            case ssl.SSLError():
                return f"no secure connection: {each.reason or 'TLS failed'}"
            case socket.gaierror():
                return "its name cannot be resolved"
            case ConnectionRefusedError():
                return "the connection was refused"
            case ConnectionResetError():
                return "the connection was cut off"
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
