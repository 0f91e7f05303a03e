"""What is asked of a Twilio account: the one list of its messages, page by page."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from convsync_cli.sync.api import Api, Get
from convsync_cli.sync.errors import Rejected
from convsync_cli.sync.shape import Json, mapping, rows, text

LIST = "Accounts/{sid}/Messages"
LARGEST_PAGE = 1000

Query = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Messages:
    """The list of an account's messages, at an origin."""

    origin: str
    account: str

    async def page(self, api: Api, query: Query) -> tuple[list[object], Query | None]:
        """The rows of a page, and the query for the next one."""
        answer = mapping(await api.ask(Get(LIST, self._path, query)), LIST)
        found = rows(answer.get("messages"), LIST)
        if "next_page_uri" not in answer:
            raise Rejected(f"{LIST} does not say whether there is more")
        own = [row for row in found if self._is_ours(row)]
        if found and not own:
            raise Rejected(f"{LIST} answered for another account")
        return own, self._next(answer)

    def _is_ours(self, row: object) -> bool:
        account = text(row.get("account_sid")) if isinstance(row, Mapping) else None
        return account is None or account.lower() == self.account.lower()

    @property
    def _path(self) -> str:
        return f"/2010-04-01/Accounts/{self.account}/Messages.json"

    def _next(self, answer: Json) -> Query | None:
        """The address of the next page as a query; the credential follows it nowhere else."""
        address = text(answer.get("next_page_uri"))
        if address is None:
            return None
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        if origin not in ("://", self.origin) or parts.path != self._path:
            raise Rejected(f"{LIST} points to another place for its next page")
        return dict(parse_qsl(parts.query, keep_blank_values=True))
