"""A conversation with a policy: the simulated user's, and in a live notebook one that you play."""
from workbench.experiment.browse.conversations import Conversations
from workbench.show.tables import Table, table
from workbench.show.widgets import controls

LENGTH = 160  # characters of a list of titles
NOTHING = "nothing in particular"


def explore_conversation(conversations: Conversations, user: int, *, n: int = 30) -> Table:
    """The simulated user's conversation, turn by turn; in a live notebook above it one that you answer, with a menu of
    `n` users and buttons yes, no, no answer and begin anew, and of a policy that hears critiques a menu of what is
    wrong with a list. UserError for a user without a conversation."""
    return controls.with_widgets(_simulated(conversations, user), lambda: _widgets(conversations, user, n))


def _simulated(conversations: Conversations, user: int) -> Table:
    frame = conversations.simulated(user)
    frame.attrs["caption"] = f"The simulated user, who has this in mind: {frame.attrs['target']}"
    return table(frame, length=LENGTH)


def _widgets(conversations: Conversations, user: int, n: int):
    """A menu of users, one of faults where they are heard, four buttons, your conversation, and the simulated user's.
    """
    users = conversations.users(n)
    menu = controls.dropdown("user", controls.user_options(conversations.bench, users, user), user)
    area, simulated, games = controls.html_area(), controls.html_area(), {}
    faults = controls.dropdown("what is wrong with these", [NOTHING], NOTHING)

    def begin() -> None:
        games["now"] = conversations.game(menu.value)
        controls.show_tables(simulated, _simulated(conversations, menu.value))
        show()

    def say(word: str) -> None:
        game = games["now"]
        if not game.over and (game.asks or word != "no answer"):
            named = word == "no" and faults.value in game.faults
            game.answer(word, [faults.value] if named else [])
        show()

    def show() -> None:
        game = games["now"]
        faults.options, faults.value = [NOTHING, *game.faults], NOTHING
        frame = game.transcript
        frame.attrs["caption"] = f"Your conversation. Now: {game.said}"
        controls.show_tables(area, table(frame, length=LENGTH))

    begin()
    controls.on_change([menu], begin)
    words = {"yes, or I take one of these": "yes", "no, or none of these": "no", "no answer": "no answer"}
    buttons = [controls.button(label, lambda word=word: say(word)) for label, word in words.items()]
    above = [menu, faults] if conversations.hears else [menu]
    return controls.vbox(*above, *buttons, controls.button("begin anew", begin), area, simulated)
