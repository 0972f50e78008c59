from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The drawn corpus: made-up service notes on machine parts, their pictures and a model that knows them."""

    name = "demo"
    verbose_name = "Demo"

    def ready(self) -> None:
        """Offer the examples and notes of the demo on the pages."""
        from demo.guide import DemoGuide
        from search.guide import guide_register

        guide_register(DemoGuide())
