"""`headwater completion`: scripts for three shells, made from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from headwater.settings import Settings

HELP = "print a completion script for bash, zsh or fish"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        'Bash: eval "$(headwater completion bash)". Zsh: eval "$(headwater completion zsh)" after compinit. '
        "Fish: headwater completion fish | source."
    )
    parser.add_argument("shell", choices=sorted(SCRIPTS), help="the shell")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    del settings
    from headwater.cli.commands import NAMES, command
    from headwater.cli.main import parser

    words = dict(_words(parser([command(name) for name in NAMES])))
    print(SCRIPTS[arguments.shell](words))
    return 0


def _words(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """For each command path ("", "audit", …) the words that can follow."""
    words: list[str] = []
    for action in parser._actions:  # noqa: SLF001 — argparse has no public way to list a parser's arguments
        words += action.option_strings
        choices = cast("Iterable[str]", action.choices or ())
        if isinstance(choices, Mapping):
            for name, child in cast("Mapping[str, argparse.ArgumentParser]", choices).items():
                words.append(name)
                yield from _words(child, f"{path} {name}".strip())
        elif not action.option_strings:
            words += map(str, choices)
    yield path, words


def _bash(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f'    "{path}") words="{" ".join(follow)}" ;;' for path, follow in sorted(words.items()))
    return f"""_headwater() {{
  local path="" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) ;; *) path="${{path:+$path }}$word" ;; esac
  done
  while :; do
    case "$path" in
{cases}
    esac
    if [ -n "$words" ] || [ -z "$path" ]; then break; fi
    case "$path" in *" "*) path="${{path% *}}" ;; *) path="" ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _headwater headwater"""


def _zsh(words: dict[str, list[str]]) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(words)


def _fish(words: dict[str, list[str]]) -> str:
    lines = ["complete -c headwater -f"]
    for path, follow in sorted(words.items()):
        seen = "; and ".join(f"__fish_seen_subcommand_from {name}" for name in path.split())
        condition = seen or "__fish_use_subcommand"
        for word in follow:
            kind = (
                f"-l {word[2:]}"
                if word.startswith("--")
                else f"-s {word[1:]}"
                if word.startswith("-")
                else f"-a {word}"
            )
            lines.append(f"complete -c headwater -n '{condition}' {kind}")
    return "\n".join(lines)


SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
