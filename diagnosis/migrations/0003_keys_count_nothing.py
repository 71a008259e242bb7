"""The keys of rows tell no firm how busy the others are (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import UncountedKey, uncounted


class Migration(migrations.Migration):
    dependencies = [
        ("diagnosis", "0002_own_origin"),
        ("tenancy", "0010_keys_count_nothing"),
    ]

    operations = [
        # The columns stay as they are; what PostgreSQL writes into them changes.
        migrations.SeparateDatabaseAndState(
            database_operations=[uncounted("diagnosis_comment", "diagnosis_resumecode")],
            state_operations=[
                migrations.AlterField(
                    model_name="comment",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
                migrations.AlterField(
                    model_name="resumecode",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
        ),
    ]
