"""The exception tree of the project (drawn in `agent.errors`)."""


class PamelaError(Exception):
    """Base of all errors that are shown to the user as one clear line."""


class InputError(PamelaError):
    """Bad input or usage: names what is wrong, with its value, and what to do. Exit code 2."""


class PrerequisiteError(InputError):
    """An optional package or a model is missing; the message holds the line that gets it."""


class RunError(PamelaError):
    """The run failed although its input was good. Exit code 1."""
