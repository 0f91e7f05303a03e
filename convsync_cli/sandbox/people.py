"""Invented people: names, addresses and numbers that are reserved for fiction."""

from collections.abc import Iterator
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    """
    Ada Alan Amara Anna Aoife Bao Björn Carla Chidi Chloé Dana Diego Elif Emeka Farah Fatima
    Felix Grace Hana Hugo Ines Ivan Jamal Jürgen Kofi Lars Layla Lina Malik Mei Milan Noa Nora
    Olga Omar Priya Quinn Rosa Sana Søren Tariq Uma Vera Wanda Xenia Yara Yuki Zoë
    """
)
LAST = _words(
    """
    Abara Adler Bauer Castillo Chen Costa Dubois Eriksen Farkas Fischer Garcia Haddad Hansen
    Ito Jensen Kaya Kim Kowalski Larsen Lopez Martin Mbeki Moreau Müller Nakamura Novak Nuñez
    Okafor Olsen Osei Patel Petrov Popescu Rahman Rossi Schmidt Silva Singh Sørensen Tanaka
    Varga Weber Wójcik Yilmaz Zhang
    """
)
COMPANY = _words(
    """
    Acorn Atlas Beacon Birch Cobalt Copper Delta Ember Falcon Fjord Granite Harbor Juniper
    Lantern Maple Nimbus Onyx Prairie Quartz Ridge Sierra Summit Tundra Willow
    """
)
BRANCH = ("Dental", "Foods", "Freight", "Labs", "Logistics", "Media", "Solar", "Studios")
TITLE = ("CEO", "COO", "Founder", "Head of Sales", "Office Manager", "VP Marketing", "")
TAGS = ("hot", "newsletter", "q1 outreach", "referral", "webinar, spring")

AREAS = _words(
    """
    201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231
    234 239 240 248 251 252 253 254 256 260 262 267 269 270 281 301 302 303 304 305 307 308
    309 310 312 313 314 315 316 317 318 319 320 321 323 325 330 334 336 337 347 352 360 361
    386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 432 434 435 440
    443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520
    530 540 541 551 559 561 562 563 567 570
    """
)

_ASCII = str.maketrans("öéøüñóëå", "oeounoea")


def numbers() -> Iterator[str]:
    """Fictional numbers in E.164, each once: US ones (555-01xx), here and there one of London."""
    london = (f"+442079460{n:03d}" for n in range(1000))
    for line in range(100):
        for area in AREAS:
            yield f"+1{area}55501{line:02d}"
            if area.endswith("20"):
                yield next(london)


def mail_name(first: str, last: str, number: int) -> str:
    """The part of a mail address before the @: unique by ``number``."""
    return f"{first}.{last}{number}".lower().translate(_ASCII)


def company(chance: Random) -> str:
    """A company's name, some with a comma or an ampersand to be quoted in a CSV."""
    name = f"{chance.choice(COMPANY)} {chance.choice(BRANCH)}"
    return chance.choice((name, name, f"{name}, Inc.", f'{name} & "Sons"'))
