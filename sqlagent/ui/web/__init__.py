"""Serve the page: `sqlagent web shop.db` answers questions at http://127.0.0.1:7860.

The page is our own HTML and JavaScript over a small ASGI application. Starlette and uvicorn, which Gradio brings,
serve it here; in a Hugging Face Space Gradio's own server carries the same application (`space.py`).
"""
