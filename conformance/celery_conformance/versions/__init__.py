"""Observed on: what each line of Celery, from 4.0 to the newest, really puts on the wire, and what it does there.

``lines`` says which lines there are and with which packages each runs; ``environments`` installs them; the plain
programs in ``probes/`` run inside those environments; ``stages/`` drives them and cuts captures out of what they
wrote; ``rows`` holds the questions that the captures answer; ``table`` answers them. Only a capture makes a cell.

Rules: a program in ``probes/`` runs on Python 3.6 and imports nothing but Celery, kombu and the standard library. A
capture holds the bytes as they were; what differs from run to run is made equal by the question, never in the bytes.
"""
