import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.experts.base import Card, Parameter
from mrkl.plan import Arithmetic, Plan, PlanError, Reference, parse_plan
from mrkl.prompt import render_arguments, render_step

CARDS = {
    "knowledge": Card(
        "knowledge",
        "",
        (
            Parameter("attribute", "enum[capital, population]"),
            Parameter("entity", "str", required=False),
            Parameter("n", "int", required=False),
        ),
    ),
    "calculator": Card("calculator", "", (Parameter("expression", "str", copy=False),)),
    "mix": Card(
        "mix",
        "",
        (
            Parameter("amount", "float"),
            Parameter("names", "list[str]", required=False),
            Parameter("values", "list[float]", required=False),
            Parameter("deep", "bool", required=False),
        ),
    ),
    "now": Card("now", ""),
}
THREE = (
    '#1 population of Peru -> knowledge(attribute="population", entity="peru")\n'
    '#2 population of Chile -> knowledge(attribute="population", entity="chile")\n'
    '#3 #1 minus #2 -> calculator(expression="#1 - #2")\n'
)


def test_a_plan_is_read():
    plan = parse_plan(THREE, CARDS)
    assert [step.expert for step in plan] == ["knowledge", "knowledge", "calculator"]
    assert plan.steps[0].arguments == {"attribute": "population", "entity": "peru"}
    assert plan.steps[2].depends_on == (1, 2)
    assert [step.id for step in plan.outputs()] == [3]


def test_all_kinds_of_values():
    text = (
        "#1 a -> now()\n"
        '#2 b -> mix(amount=3.5*60, names=["a, b", "#1"], values=[1, -2.5, #1], deep=true)\n'
        "#3 c -> mix(amount=#1)\n#4 d -> mix(amount=-3, values=#2)\n"
        '#5 q -> knowledge(attribute="capital", entity="a \\"b\\" é")\n'
    )
    plan = parse_plan(text, CARDS)
    mixed = plan.steps[1].arguments
    assert mixed["amount"] == Arithmetic("3.5*60") and mixed["names"] == ["a, b", "#1"]
    assert mixed["values"] == [1, -2.5, Reference(1)] and mixed["deep"] is True
    assert plan.steps[1].depends_on == (1,)
    assert plan.steps[2].arguments == {"amount": Reference(1)}
    assert plan.steps[3].depends_on == (2,)
    assert plan.steps[4].arguments["entity"] == 'a "b" é'
    assert plan.steps[1].as_written()["values"] == [1, -2.5, "#1"]


def test_a_number_sign_inside_a_copied_text_is_the_users_own():
    plan = parse_plan('#1 x -> knowledge(attribute="capital", entity="the #1 song")', CARDS)
    assert plan.steps[0].depends_on == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("population of Peru", "must start with '#1 '"),
        ('#2 x -> calculator(expression="1")', "must start with '#1 '"),
        ("#1 x", "form"),
        ("#1 x -> calculator", "form"),
        ('#1 x -> sqrt(expression="1")', "no expert named 'sqrt'"),
        ("#1 x -> calculator()", "'expression' is missing"),
        ('#1 x -> calculator(formula="1")', "no parameter 'formula'"),
        ('#1 x -> calculator(expression="1)', "not closed"),
        ("#1 x -> calculator(expression=1)", "must be str"),
        ('#1 x -> calculator(expression="1" "2")', "expected ', '"),
        ('#1 x -> calculator(expression="#1 + 1")', "uses #1, which is not an earlier step"),
        ('#1 x -> calculator(expression="#2 + 1")', "uses #2"),
        ('#1 x -> knowledge(attribute="area")', "one of its choices"),
        ('#1 x -> knowledge(entity="peru", attribute="capital")', "out of order"),
        ('#1 x -> knowledge(attribute="capital", n="three")', "must be int"),
        ("#1 x -> mix(amount=__import__)", "not a value"),
        ("#1 x -> mix(amount=1, deep=1)", "must be bool"),
        ("#1 x -> mix(amount=1, values=[1, [2]])", "not a value"),
        ("#1 x -> now(" + "1" * 5000 + ")", "longer than"),
        ("".join(f"#{k} x -> now()\n" for k in range(1, 8)), "at most 6"),
    ],
)
def test_what_is_refused(text: str, reason: str):
    with pytest.raises(PlanError, match=reason.replace("(", "\\(")):
        parse_plan(text, CARDS)


@given(st.text(max_size=300))
def test_any_text_is_a_plan_or_a_plan_error(text: str):
    try:
        assert isinstance(parse_plan(text, CARDS), Plan)
    except PlanError as error:
        assert str(error)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
    st.integers(-(10**9), 10**9),
)
def test_what_is_rendered_is_read_back(entity: str, number: int):
    arguments = {"attribute": "capital", "entity": entity, "n": number}
    written = render_arguments(arguments, CARDS["knowledge"].parameters)
    step = parse_plan(render_step(1, "x", "knowledge", written), CARDS).steps[0]
    assert step.arguments == arguments
