"""A conversation with a policy: the simulated user's, and in a live notebook one that you play."""
from workbench.experiment.browse.conversations import Conversations
from workbench.show.tables import Table, table
from workbench.show.widgets import controls

LENGTH = 160  # characters of a list of titles


def explore_conversation(conversations: Conversations, user: int, *, n: int = 30) -> Table:
    """The simulated user's conversation, turn by turn; in a live notebook above it one that you answer, with a menu of
    `n` users and buttons yes, no, no answer and begin anew. UserError for a user without a conversation."""
    return controls.with_widgets(_simulated(conversations, user), lambda: _widgets(conversations, user, n))


def _simulated(conversations: Conversations, user: int) -> Table:
    frame = conversations.simulated(user)
    frame.attrs["caption"] = f"The simulated user, who has this in mind: {frame.attrs['target']}"
    return table(frame, length=LENGTH)


def _widgets(conversations: Conversations, user: int, n: int):
    """A menu of users, four buttons, your conversation, and the simulated user's."""
    users = conversations.users(n)
    menu = controls.dropdown("user", controls.user_options(conversations.bench, users, user), user)
    area, simulated, games = controls.html_area(), controls.html_area(), {}

    def begin() -> None:
        games["now"] = conversations.game(menu.value)
        controls.show_tables(simulated, _simulated(conversations, menu.value))
        show()

    def say(word: str) -> None:
        game = games["now"]
        if not game.over and (game.asks or word != "no answer"):
            game.answer(word)
        show()

    def show() -> None:
        game = games["now"]
        frame = game.transcript
        frame.attrs["caption"] = f"Your conversation. Now: {game.said}"
        controls.show_tables(area, table(frame, length=LENGTH))

    begin()
    controls.on_change([menu], begin)
    words = {"yes, or I take one of these": "yes", "no, or none of these": "no", "no answer": "no answer"}
    buttons = [controls.button(label, lambda word=word: say(word)) for label, word in words.items()]
    return controls.vbox(menu, *buttons, controls.button("begin anew", begin), area, simulated)
