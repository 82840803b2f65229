"""What the models and the tool of the demo answer: written down beforehand, so that it needs no network."""

import json
from collections.abc import Callable

from ..domain.content import ActionRequestContent, Usage
from ..domain.errors import ResponseNotRecordedError
from ..domain.model_call import ModelRequest, ModelResponse
from ..projections.prices import Price
from ..projections.prompts.tokens import estimate, messages_tokens

COMPLAINT = "Order 12 came in pieces. May I have my money back?"
LOOK_UP = "Look up order 12, and say what we owe."
MISTAKEN = "We owe 4200 EUR for the teapot."
CHECK = "Is that what the order says?"
IN_CENTS = "The tool counts in cents. Say it in EUR."
CORRECTED = "We owe 42.00 EUR for the teapot."
REPLY = "Answer the customer."

ORDER: dict[str, int | str] = {"order": 12, "item": "teapot", "paid_cents": 4200}

ANSWERS: dict[str, str | ActionRequestContent] = {
    COMPLAINT: "I am sorry. I ask billing what we owe you.",
    LOOK_UP: ActionRequestContent(function="find_order", arguments={"order": 12}, request_id="call_1"),
    json.dumps(ORDER, separators=(",", ":")): MISTAKEN,
    CHECK: "No: paid_cents is 4200, which is 42.00 EUR.",
    IN_CENTS: CORRECTED,
    REPLY: "We send back the 42.00 EUR you paid. Sorry about the teapot!",
}
"""What is answered to whoever ends with these words, be it a person, a colleague or a tool."""

PRICES = {"demo-1": Price(1.0, 4.0)}
"""Made up, as the model is: US dollars for a million tokens in and out."""


def find_order(order: int) -> dict[str, int | str]:
    """An order as the shop has it."""
    return {**ORDER, "order": order}


class WrittenAnswers:
    """A model that answers what is written in a table, and has no answer to anything else."""

    name, model, provider = "demo-1", "demo-1", None

    async def ask(self, asked: ModelRequest, heard: Callable[[str], None] | None = None) -> ModelResponse:
        """The answer to the last words; what it used is an estimate."""
        answer = ANSWERS.get(asked.messages[-1].text)
        if answer is None:
            raise ResponseNotRecordedError("demo", asked.digest)
        used = messages_tokens(asked.messages, estimate)
        if isinstance(answer, ActionRequestContent):
            return ModelResponse(calls=(answer,), model=self.model, usage=Usage(input_tokens=used, output_tokens=12))
        return ModelResponse(
            text=answer, model=self.model, usage=Usage(input_tokens=used, output_tokens=estimate(answer))
        )
