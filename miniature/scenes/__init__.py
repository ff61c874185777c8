"""Physically rendered scenes with exactly known attributes (Mitsuba 3).

``python -m miniature.scenes --help`` renders a folder of them;
:func:`miniature.scenes.render.render_scene` renders one.
In every scene y points up, the subject stands at the origin and the camera looks along -z.
"""
