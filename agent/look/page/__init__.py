"""The local page: runs to look into, candidates to compare, pictures to rate.

    app = make_app(Site(Settings(runs_dir=Path("runs"))), Door.local())
    uvicorn.run(app)

HTML comes from the server, made with the templates of the report, and each script does one thing
that HTML can't (docs/decisions/0027-what-the-page-is-built-of.md). The one rule that is not
obvious: no name that a browser sends becomes a path; a run is one of those that its folder holds,
and a picture is given out only where it lies in the run's folder and decodes.
"""
