"""The keys of rows tell no firm how busy the others are (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import UncountedKey, uncounted


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0003_notice_of_a_company"),
        ("tenancy", "0010_keys_count_nothing"),
    ]

    operations = [
        # The columns stay as they are; what PostgreSQL writes into them changes.
        migrations.SeparateDatabaseAndState(
            database_operations=[uncounted("notices_noticeread")],
            state_operations=[
                migrations.AlterField(
                    model_name="noticeread",
                    name="id",
                    field=UncountedKey(
                        primary_key=True, auto_created=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
        ),
    ]
