"""The keys of rows tell no firm how busy the others are (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import uncounted


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0002_own_origin"),
        ("tenancy", "0010_keys_count_nothing"),
    ]

    operations = [
        uncounted("diagnosis_comment", "diagnosis_resumecode"),
    ]
