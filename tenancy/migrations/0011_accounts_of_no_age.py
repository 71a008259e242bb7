"""The key of an account tells nobody how old it is (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import NO_RANDOM, RANDOM


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0010_keys_count_nothing"),
    ]

    operations = [migrations.RunSQL(RANDOM, NO_RANDOM)]
