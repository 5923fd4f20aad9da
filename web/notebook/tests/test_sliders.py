from ipywidgets import FloatSlider, IntSlider

from minform import interact


def drawn(seen):
    @interact(x=FloatSlider(value=0.5, min=0, max=1), n=IntSlider(value=3), name="a")
    def draw(x, n, name):
        seen.append((x, n, name))

    return draw


def test_a_drawing_follows_its_sliders():
    seen = []
    x, n, name = drawn(seen).widget.children[:3]
    assert seen == [(0.5, 3, "a")]
    x.value = 0.75
    assert seen[-1] == (0.75, 3, "a")
    n.value, name.value = 4, "b"
    assert seen[-1] == (0.75, 4, "b")


def test_in_a_page_without_a_kernel_it_is_drawn_once_and_has_no_widget(monkeypatch):
    monkeypatch.setenv("MINFORM_STATIC", "1")
    seen = []
    draw = drawn(seen)
    assert seen == [(0.5, 3, "a")] and not hasattr(draw, "widget")
