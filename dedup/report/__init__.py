"""Reports, made from a result alone: what is told (:mod:`summary`), and how it looks (:mod:`terminal`)."""
