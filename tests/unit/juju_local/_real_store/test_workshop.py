"""Running the programs of a build."""

import pytest
from juju_local._real_store._workshop import BuildError, Workshop


def test_a_program_that_fails_is_told_with_its_last_words_and_its_log(tmp_path):
    shop = Workshop(tmp_path, lambda text: None)
    with pytest.raises(BuildError, match=r'step: sh -c .* ended with 3:\n9\n') as failure:
        shop.run('step', ['sh', '-c', 'seq 1 16; exit 3'])
    assert failure.value.remedy == f'the whole log is {tmp_path}/log/step.log'
    assert (tmp_path / 'log/step.log').read_text().startswith('1\n2\n')


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BuildError, match='step: cannot run no-such-program: No such file'):
        Workshop(tmp_path, lambda text: None).run('step', ['no-such-program'])


def test_what_it_prints_is_returned_and_its_variables_are_added(tmp_path):
    shop = Workshop(tmp_path, lambda text: None)
    assert shop.run('step', ['sh', '-c', 'echo $COLOUR; echo $PATH'], env={'COLOUR': 'red'}).startswith('red\n/')
