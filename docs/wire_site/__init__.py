"""The site's own pages, made from the specification, the fixtures, the cases and the schemas.

`build` reads the project and returns pages as Markdown; mkdocs turns them into HTML and checks every link. Nothing here
knows a document by name: what stands in the folders appears. Templates say how a page looks, modules what is on it.
"""
